/** Blocks of tools that the provider runs → `hosted-tool` and `file` chunks. */
import { isObject, type JsonObject } from '../../chat/index.js'
import type { Push } from '../adapter.js'

/** `name`: that of the call; a result may come in a later answer than its call. */
export function pushResult(block: JsonObject, name: string | undefined, push: Push): void {
  const { type, tool_use_id, content } = block
  push({
    type: 'hosted-tool',
    id: String(tool_use_id),
    name: name ?? String(type).replace(/_tool_result$/, ''),
    status: isFailed(block) ? 'failed' : 'done',
    output: readable(content),
  })
  for (const file_id of filesIn(content))
    push({ type: 'file', media_type: 'application/octet-stream', file_id })
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
function filesIn(content: unknown): readonly string[] {
  const outputs = isObject(content) && Array.isArray(content.content) ? content.content : []
  return outputs.flatMap((output) =>
    isObject(output) && /_output$/.test(String(output.type)) && typeof output.file_id === 'string'
      ? [output.file_id]
      : [],
  )
}
