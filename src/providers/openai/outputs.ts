/** Maps results of calls to the wire: each type of call has its own output item. */
import { notRun, type ToolMessage, textOfContent, toErrorText } from '../../chat/index.js'
import { asObjects, defined, isObject, type JsonObject, parseJson } from '../../chat/json.js'
import { toContent, toPart } from './parts.js'
import {
  asList,
  asString,
  asText,
  type FieldContext,
  type InputPart,
  type OutputItem,
  type WireItem,
} from './wire.js'

/** The output of `item`, a call as sent. Undefined if nothing can replace a missing result. */
export const toOutput: Writer = (item, result, context) => {
  const type = asString(item.type)
  const write = Object.hasOwn(writers, type) ? writers[type] : undefined
  if (write) return write(item, result, context)
  const call_id = asString(item.call_id)
  const output = result ? toToolOutput(result, context) : missing
  return {
    type: type === 'custom_tool_call' ? 'custom_tool_call_output' : 'function_call_output',
    call_id,
    output,
  }
}

const missing = JSON.stringify({ error: notRun })

/** A result whose call only the server has, by `previous_response_id`. */
export const toOrphanOutput = (result: ToolMessage, context: FieldContext): OutputItem => ({
  type: 'function_call_output',
  call_id: result.tool_call_id,
  output: toToolOutput(result, context),
})

/** The wire has no error flag: the text reports the error, as JSON. */
function toToolOutput(result: ToolMessage, context: FieldContext): string | readonly InputPart[] {
  const { content, is_error } = result
  const wire = toContent(content ?? '', result.cache_control, context)
  if (typeof wire === 'string') return is_error ? toErrorText(wire) : wire
  const parts = wire.map(withoutAudio)
  if (!is_error) return parts
  const [first, ...rest] = parts
  if (first?.type === 'input_text')
    return [{ ...first, text: toErrorText(asString(first.text)) }, ...rest]
  return [{ type: 'input_text', text: toErrorText('The tool failed.') }, ...parts]
}

const withoutAudio = (part: InputPart): InputPart =>
  part.type === 'input_audio'
    ? { type: 'input_text', text: '[audio, which a tool result cannot carry]' }
    : part

type Writer = (
  item: WireItem,
  result: ToolMessage | undefined,
  context: FieldContext,
) => OutputItem | undefined

/** Outputs of built-in tools that the app runs. Undefined: nothing can replace a missing result. */
const writers: Readonly<Record<string, Writer>> = {
  computer_call: (item, result, context) => {
    const image = result && imageOf(result, context)
    if (!image) return undefined
    const checks = asObjects(item.pending_safety_checks).map(({ id }) => ({ id: asString(id) }))
    return {
      type: 'computer_call_output',
      call_id: asString(item.call_id),
      output: { type: 'computer_screenshot', ...image },
      ...(checks.length > 0 && { acknowledged_safety_checks: checks }),
    }
  },

  shell_call: (item, result) => ({
    type: 'shell_call_output',
    call_id: asString(item.call_id),
    output: shellOutput(result),
  }),

  local_shell_call: (item, result) => ({
    type: 'local_shell_call_output',
    id: asText(item.call_id) ?? asString(item.id),
    call_id: asText(item.call_id) ?? asString(item.id),
    output: plainText(result),
  }),

  apply_patch_call: (item, result) => {
    const output = plainText(result)
    return {
      type: 'apply_patch_call_output',
      call_id: asString(item.call_id),
      status: result && !result.is_error ? 'completed' : 'failed',
      ...(output !== '' && { output }),
    }
  },

  tool_search_call: (item, result) => ({
    type: 'tool_search_output',
    call_id: asString(item.call_id),
    execution: 'client',
    status: 'completed',
    tools: foundTools(result),
  }),

  mcp_approval_request: (item, result) => {
    if (!result) return undefined
    const { approval } = result
    const reason = approval ? approval.reason : plainText(result)
    const approve = approval ? approval.approved : isYes(plainText(result))
    return {
      type: 'mcp_approval_response',
      approval_request_id: asString(item.id),
      approve,
      ...(!approve && reason && { reason }),
    }
  },
}

const plainText = (result: ToolMessage | undefined) =>
  result ? textOfContent(result.content ?? '') : missing

function imageOf({ content }: ToolMessage, context: FieldContext) {
  if (typeof content === 'string')
    return /^(data:image\/|https?:)/.test(content) ? { image_url: content } : undefined
  for (const part of content ?? []) {
    const wire = toPart(part, context)
    if (wire.type !== 'input_image') continue
    return defined({ image_url: asText(wire.image_url), file_id: asText(wire.file_id) })
  }
  return undefined
}

/** The output of a shell: one or more `{ stdout, stderr, outcome }` as JSON, or plain text. */
function shellOutput(result: ToolMessage | undefined) {
  const text = plainText(result)
  const value = parseJson(text)
  const given = Array.isArray(value)
    ? value
    : isObject(value)
      ? asList(value.output ?? [value])
      : []
  const runs = given.filter(isObject).filter((run) => 'stdout' in run || 'stderr' in run)
  if (runs.length > 0) return runs.map(toRun)
  const isError = !result || result.is_error === true
  const exit = { type: 'exit', exit_code: isError ? 1 : 0 } as const
  return [{ stdout: isError ? '' : text, stderr: isError ? text : '', outcome: exit }]
}

function toRun({ stdout, stderr, outcome, exit_code }: JsonObject) {
  const isTimeout = isObject(outcome) && outcome.type === 'timeout'
  const code = isObject(outcome) ? outcome.exit_code : exit_code
  return {
    stdout: asString(stdout),
    stderr: asString(stderr),
    outcome: isTimeout
      ? ({ type: 'timeout' } as const)
      : ({ type: 'exit', exit_code: typeof code === 'number' ? code : 0 } as const),
  }
}

function foundTools(result: ToolMessage | undefined): readonly JsonObject[] {
  const value = result && parseJson(plainText(result))
  return asObjects(isObject(value) ? value.tools : value)
}

const isYes = (text: string) => {
  const value = parseJson(text)
  return isObject(value) ? value.approve === true : /^\s*(yes|true|approved?)\s*$/i.test(text)
}
