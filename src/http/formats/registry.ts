/** Selects the format of a request: by path, query, option, else by its body. */
import { isObject } from '../../chat/index.js'
import { MisuseError } from '../../core/index.js'
import { chunks } from './chunks/index.js'
import type { Format, FormatName } from './format.js'

/** A format is imported by the first request in it. */
const formats: Readonly<Record<FormatName, () => Format | Promise<Format>>> = {
  chunks: () => chunks,
  openai: async () => (await import('./openai/openai.js')).openai,
  ui: async () => (await import('./ui/ui.js')).ui,
}

export const isFormatName = (name: string): name is FormatName => Object.hasOwn(formats, name)

/** Throws `MisuseError` for an unknown format. */
export function checkFormat(format: FormatName | undefined): void {
  if (format !== undefined && !isFormatName(format))
    throw new MisuseError(
      `format: unknown format '${format}', use one of ${Object.keys(formats).join(', ')}`,
    )
}

export const loadFormat = async (name: FormatName): Promise<Format> => formats[name]()

/** The model name in the path; empty for the list of all; undefined on other paths. */
export function modelOf(path: string): string | undefined {
  if (path.endsWith('/models')) return ''
  const at = path.indexOf('/models/')
  return at < 0 ? undefined : path.slice(at + '/models/'.length)
}

/** The body of `GET …/models/:id`. */
export const modelObject = (id: string) => ({ id, object: 'model', created: 0, owned_by: 'app' })

/** The body of `GET …/models`. */
export const modelList = (models: readonly string[]) => ({
  object: 'list',
  data: models.map(modelObject),
})

/** OpenAI's other endpoints: by the last segment, or the one after `/v1/`. */
const otherEnds = ['responses', 'embeddings', 'completions', 'moderations', 'rerank'] as const
const otherFolders =
  /\/v1\/(?:images|audio|messages|files|batches|assistants|threads|vector_stores|uploads|realtime|responses)(?:\/|$)/

/** False for a path of OpenAI's API other than chat: it must not be answered as chat. */
export function isServed(path: string): boolean {
  if (path.endsWith('/chat/completions')) return true
  return !otherEnds.some((end) => path.endsWith(`/${end}`)) && !otherFolders.test(path)
}

export interface FormatPlace {
  readonly method: string
  readonly path: string
  /** `format` of the query. */
  readonly named: string | null
  /** `format` of the options. */
  readonly format: FormatName | undefined
}

/** Null for an unknown format; undefined where the body decides. */
export function formatOfPath({
  method,
  path,
  named,
  format,
}: FormatPlace): FormatName | null | undefined {
  const isModels = (method === 'GET' || method === 'HEAD') && modelOf(path) !== undefined
  if (path.endsWith('/chat/completions') || isModels || !isServed(path)) return 'openai'
  const name = named ?? format
  if (name === undefined) return undefined
  return isFormatName(name) ? name : null
}

/** Messages of the AI SDK have `parts` and no `content`. */
export function formatOfBody(body: unknown): FormatName {
  const { messages, message } = isObject(body) ? body : {}
  const first = Array.isArray(messages) ? messages[0] : message
  return isObject(first) && Array.isArray(first.parts) ? 'ui' : 'chunks'
}
