/** Maps blocks of hosted tools to `hosted-tool` and `file` chunks. */
import { asObject, asObjects, asText, isObject, type JsonObject } from '../../chat/index.js'
import type { TurnWriter } from '../turn-writer.js'

/** `name`: that of the call, which may be in an earlier answer than its result. */
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

/** Removes encrypted members, which only the provider can read: `native` holds them. */
function readable(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(readable)
  if (!isObject(value)) return value
  return Object.fromEntries(
    Object.entries(value)
      .filter(([name]) => !name.startsWith('encrypted_'))
      .map(([name, inner]) => [name, readable(inner)]),
  )
}

/** Files written by code: `{ content: [{ type: '…_output', file_id }] }`. */
const filesIn = (content: unknown): readonly string[] =>
  asObjects(asObject(content).content).flatMap(({ type, file_id }) =>
    /_output$/.test(String(type)) ? (asText(file_id) ?? []) : [],
  )
