import { createParser } from 'eventsource-parser'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { eventParser } from '../../src/browser/events.js'

/** The events that a general SSE parser reads from the same text. */
function expected(text: string) {
  const events: { id?: string; data?: string }[] = []
  const onEvent = ({ id, data }: { id?: string | undefined; data: string }) =>
    void events.push({ data, ...(id !== undefined && { id }) })
  createParser({ onEvent }).feed(text)
  return events
}

const line = fc.oneof(
  fc.constantFrom(
    '',
    '',
    ': ping',
    'data',
    'data:',
    'id: 7',
    'id',
    'event: x',
    'retry: 5',
    'dataset: 1',
  ),
  fc
    .string({ unit: 'binary', maxLength: 12 })
    .map((text) => `data: ${text.replace(/[\r\n]/g, '')}`),
)
const body = fc
  .tuple(fc.array(line, { maxLength: 20 }), fc.constantFrom('\n', '\r\n'))
  .map(([lines, end]) => `${lines.map((one) => one + end).join('')}`)

describe('the events of a route', () => {
  it('equal those of a general SSE parser, wherever the text is split', () => {
    fc.assert(
      fc.property(body, fc.array(fc.nat(200), { maxLength: 8 }), (text, cuts) => {
        const places = [0, ...cuts.map((at) => at % (text.length + 1)), text.length].sort(
          (a, b) => a - b,
        )
        const parse = eventParser()
        const pieces = places.map((at, i) => text.slice(at, places[i + 1] ?? at))
        expect(pieces.flatMap((piece) => parse(piece))).toEqual(expected(text))
      }),
      { numRuns: 500 },
    )
  })
})
