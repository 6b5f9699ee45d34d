/** Writes events in the SSE format, with its variations. */
import type { Framing, SseEvent } from './script.js'

/** One frame for each event. */
export function frames(
  events: readonly SseEvent[],
  framing: Framing & { readonly lineEnd: string },
): readonly string[] {
  const all = events.map((event, index) => frame(event, framing, index))
  if (!framing.bom || all.length === 0) return all
  return [`\uFEFF${all[0]}`, ...all.slice(1)]
}

function frame(
  { event, data }: SseEvent,
  framing: Framing & { readonly lineEnd: string },
  index: number,
): string {
  const end = framing.lineEnd
  const name = event !== undefined && framing.eventLines !== false ? `event: ${event}${end}` : ''
  const noise = framing.noise ? `: keep-alive${end}${end}id: ${index}${end}retry: 3000${end}` : ''
  return `${noise}${name}${dataLines(data, end)}${end}`
}

/** A line break in a text starts another `data:` line; JSON has none. */
const dataLines = (data: unknown, end: string) =>
  typeof data === 'string'
    ? data
        .split(/\r\n|\n|\r/)
        .map((line) => `data: ${line}${end}`)
        .join('')
    : `data: ${JSON.stringify(data)}${end}`
