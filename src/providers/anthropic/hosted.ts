/** Blocks of tools that the provider runs → `hosted-tool` and `file` chunks. */
import { asObject, asObjects, asText, isObject, type JsonObject } from '../../chat/index.js'
import type { TurnWriter } from '../turn-writer.js'

/** `name`: that of the call; a result may come in a later answer than its call. */
export function pushResult(block: JsonObject, name: string | undefined, writer: TurnWriter): void {
  const { type, tool_use_id, content } = block
  writer.hosted({
    id: String(tool_use_id),
    name: name ?? String(type).replace(/_tool_result$/, ''),
    status: isFailed(block) ? 'failed' : 'done',
    output: readable(content),
  })
  for (const file_id of filesIn(content))
    writer.push({ type: 'file', media_type: 'application/octet-stream', file_id })
}

const isFailed = ({ is_error, content }: JsonObject) =>
  is_error === true || (isObject(content) && /_error$/.test(String(content.type)))

/** Without what only the provider can read: it travels in `native`. */
function readable(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(readable)
  if (!isObject(value)) return value
  return Object.fromEntries(
    Object.entries(value)
      .filter(([name]) => !name.startsWith('encrypted_'))
      .map(([name, inner]) => [name, readable(inner)]),
  )
}

/** Files that code wrote: `{ content: [{ type: '…_output', file_id }] }`. */
const filesIn = (content: unknown): readonly string[] =>
  asObjects(asObject(content).content).flatMap(({ type, file_id }) =>
    /_output$/.test(String(type)) ? (asText(file_id) ?? []) : [],
  )
