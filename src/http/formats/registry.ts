/** Which format a request speaks: by path, by query, by option, else by its body. */
import { isObject } from '../../chat/index.js'
import { MisuseError } from '../../core/index.js'
import { chunks } from './chunks/index.js'
import type { Format, FormatName } from './format.js'
import { openai } from './openai/index.js'
import { ui } from './ui/index.js'

const formats: ReadonlyMap<string, Format> = new Map(
  [chunks, openai, ui].map((one) => [one.name, one]),
)

/** Throws `MisuseError` for the name of no format. */
export function checkFormat(format: FormatName | undefined): void {
  if (format !== undefined && !formats.has(format))
    throw new MisuseError(`format: there is no '${format}', only ${[...formats.keys()].join(', ')}`)
}

/** Null for a format that there is not; undefined where the body decides. */
export function formatOfUrl(url: URL, format: FormatName | undefined): Format | undefined | null {
  if (/\/(?:chat\/completions|models(?:\/[^/]+)?)$/.test(url.pathname.replace(/\/$/, '')))
    return openai
  const name = url.searchParams.get('format') ?? format
  return name === undefined ? undefined : (formats.get(name) ?? null)
}

/** Messages of the AI SDK have parts, and no content. */
export function formatOfBody(body: unknown): Format {
  const { messages, message } = isObject(body) ? body : {}
  const first = Array.isArray(messages) ? messages[0] : message
  return isObject(first) && Array.isArray(first.parts) ? ui : chunks
}
