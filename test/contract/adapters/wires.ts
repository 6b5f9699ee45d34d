/** Reads a request body of any wire into one neutral form, so that five bodies can be compared. */
import { isObject, type JsonObject, parseJson } from '../../../src/chat/index.js'
import type { Name } from '../../wire/support.js'

/** One item of a request. `media` is `kind type base64-or-address`. */
export type Item =
  | { readonly by: 'system' | 'user' | 'assistant'; readonly text: string }
  | { readonly by: 'user' | 'assistant'; readonly media: string }
  | { readonly call: string; readonly args: unknown }
  | { readonly result: string; readonly media?: readonly string[]; readonly failed?: true }

const list = (value: unknown): readonly JsonObject[] =>
  Array.isArray(value) ? value.filter(isObject) : []
const parts = (value: unknown): readonly JsonObject[] =>
  typeof value === 'string' ? [{ type: 'text', text: value }] : list(value)
const by = (role: unknown) =>
  role === 'developer' ? 'system' : (String(role) as 'system' | 'user' | 'assistant')

const fromDataUri = (url: string) => {
  const [, type, data] = /^data:([^;]+);base64,(.*)$/s.exec(url) ?? []
  return type ? `${type} ${data}` : url
}

const texts = (all: readonly Item[]) => all.flatMap((one) => ('text' in one ? [one.text] : []))
const media = (all: readonly Item[]) =>
  all.flatMap((one) => ('by' in one && 'media' in one ? [one.media] : []))

function resultOf(items: readonly Item[], failed = false): Item {
  const text = texts(items).join('\n')
  const value = parseJson(text)
  const error = isObject(value) && typeof value.error === 'string' ? value.error : undefined
  const files = media(items)
  return {
    result: error ?? text,
    ...(files.length > 0 && { media: files }),
    ...((failed || error !== undefined) && { failed: true }),
  }
}

// -- Responses ------------------------------------------------------------------------------------

function fromResponses({ input }: JsonObject): readonly Item[] {
  return list(input).flatMap((item): readonly Item[] => {
    if (item.type === 'function_call')
      return [{ call: String(item.name), args: parseJson(String(item.arguments)) }]
    if (item.type === 'function_call_output')
      return [resultOf(parts(item.output).map((part) => fromInputPart(part, 'user')))]
    return parts(item.content).map((part) => fromInputPart(part, by(item.role)))
  })
}

function fromInputPart(part: JsonObject, role: 'system' | 'user' | 'assistant'): Item {
  const audio = isObject(part.input_audio) ? part.input_audio : undefined
  if (audio) return { by: 'user', media: `audio/${audio.format} ${audio.data}` }
  const file = part.image_url ?? part.file_data ?? part.file_url ?? part.file_id
  if (file !== undefined) return { by: 'user', media: fromDataUri(String(file)) }
  return { by: role, text: String(part.text ?? part.refusal) }
}

// -- Messages -------------------------------------------------------------------------------------

function fromMessages({ system, messages }: JsonObject): readonly Item[] {
  const head = parts(system).map((part): Item => ({ by: 'system', text: String(part.text) }))
  const rest = list(messages).flatMap(({ role, content }) =>
    parts(content).map((part) => fromBlock(part, by(role))),
  )
  return [...head, ...rest]
}

function fromBlock(part: JsonObject, role: 'system' | 'user' | 'assistant'): Item {
  if (part.type === 'tool_use') return { call: String(part.name), args: part.input }
  if (part.type === 'tool_result')
    return resultOf(
      parts(part.content).map((one) => fromBlock(one, 'user')),
      part.is_error === true,
    )
  if (part.type === 'container_upload') return { by: 'user', media: String(part.file_id) }
  if (!isObject(part.source)) return { by: role, text: String(part.text) }
  const { type, url, file_id, media_type, data } = part.source
  const bytes = type === 'text' ? btoa(String(data)) : data
  return { by: 'user', media: String(url ?? file_id ?? `${media_type} ${bytes}`) }
}

// -- generateContent ------------------------------------------------------------------------------

function fromContents({ systemInstruction, contents }: JsonObject): readonly Item[] {
  const head = list(isObject(systemInstruction) ? systemInstruction.parts : []).map(
    (part): Item => ({ by: 'system', text: String(part.text) }),
  )
  const rest = list(contents).flatMap(({ role, parts: all }) =>
    list(all).map((part) => fromGeminiPart(part, role === 'model' ? 'assistant' : 'user')),
  )
  return [...head, ...rest]
}

function fromGeminiPart(part: JsonObject, role: 'user' | 'assistant'): Item {
  const { functionCall: call, functionResponse: answer, inlineData, fileData } = part
  if (isObject(call)) return { call: String(call.name), args: call.args }
  if (isObject(answer)) {
    const { response } = answer
    const { output, error } = isObject(response) ? response : {}
    const text = output ?? error ?? JSON.stringify(response)
    const files = list(answer.parts).map((one) => fromGeminiPart(one, 'user'))
    return resultOf([{ by: 'user', text: String(text) }, ...files], error !== undefined)
  }
  if (isObject(inlineData)) return { by: role, media: `${inlineData.mimeType} ${inlineData.data}` }
  if (isObject(fileData)) return { by: role, media: String(fileData.fileUri) }
  return { by: role, text: String(part.text) }
}

// -- Chat Completions -----------------------------------------------------------------------------

function fromChat({ messages }: JsonObject): readonly Item[] {
  return list(messages).flatMap(({ role, content, tool_calls }): readonly Item[] => {
    if (role === 'tool') return [resultOf(parts(content).map((part) => fromChatPart(part, 'user')))]
    return [
      ...parts(content).map((part) => fromChatPart(part, by(role))),
      ...list(tool_calls).map(({ function: fn }): Item => {
        const { name, arguments: args } = isObject(fn) ? fn : {}
        return { call: String(name), args: parseJson(String(args)) }
      }),
    ]
  })
}

function fromChatPart(part: JsonObject, role: 'system' | 'user' | 'assistant'): Item {
  const { image_url, file, input_audio } = part
  if (isObject(image_url)) return { by: 'user', media: fromDataUri(String(image_url.url)) }
  if (isObject(input_audio))
    return { by: 'user', media: `audio/${input_audio.format} ${input_audio.data}` }
  if (typeof input_audio === 'string') return { by: 'user', media: `audio/wav ${input_audio}` }
  if (isObject(file))
    return { by: 'user', media: fromDataUri(String(file.file_data ?? file.file_id)) }
  return { by: role, text: String(part.text) }
}

const readers: Readonly<Record<Name, (body: JsonObject) => readonly Item[]>> = {
  openai: fromResponses,
  xai: fromResponses,
  anthropic: fromMessages,
  gemini: fromContents,
  compatible: fromChat,
}

/** Items of a body; adjacent texts of one role are joined, as some wires do. */
export function itemsIn(name: Name, body: unknown): readonly Item[] {
  const found: Item[] = []
  for (const one of readers[name](isObject(body) ? body : {})) {
    const last = found.at(-1)
    const isJoined = last && 'text' in last && 'text' in one && last.by === one.by
    if (isJoined) found[found.length - 1] = { by: one.by, text: `${last.text}\n${one.text}` }
    else found.push(one)
  }
  return found
}
