import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { UnexpectedResponseError } from '../../src/core/index.js'
import { type SseDecoderOptions, type SseEvent, sseDecoder } from '../../src/sse/index.js'

const encoder = new TextEncoder()

function decodePieces(
  pieces: readonly Uint8Array[],
  options?: SseDecoderOptions,
): readonly SseEvent[] {
  const events: SseEvent[] = []
  const decoder = sseDecoder((event) => void events.push(event), options)
  for (const piece of pieces) decoder.push(piece)
  decoder.end()
  return events
}

const decode = (text: string, options?: SseDecoderOptions) =>
  decodePieces([encoder.encode(text)], options)

const data = (text: string) => decode(text).map((event) => event.data)

/** The text in pieces, split once more at the given offsets. */
const cutAt = (bytes: Uint8Array, places: readonly number[]) => {
  const borders = [0, ...[...places].sort((a, b) => a - b), bytes.length]
  return borders.slice(1).map((to, index) => bytes.subarray(borders[index], to))
}

const stream = [
  '\uFEFF: a comment',
  'event: start',
  'id: 1',
  'data: {"text":"naïve 🦔"}',
  '',
  'retry: 20',
  'data:{"a":',
  'data: 1}',
  '',
  '',
  'event: ping',
  'data: {"type":"ping"}',
  '',
  'data: 漢字 and \u2028',
  '',
  '',
]

describe('sseDecoder', () => {
  it('reads fields with and without a space, comments, several data lines, a BOM', () => {
    expect(decode(stream.join('\n'))).toEqual([
      { event: 'start', id: '1', data: '{"text":"naïve 🦔"}' },
      { event: undefined, id: undefined, data: '{"a":\n1}' },
      { event: 'ping', id: undefined, data: '{"type":"ping"}' },
      { event: undefined, id: undefined, data: '漢字 and \u2028' },
    ])
  })

  it('removes one space after the colon and no more', () => {
    expect(data('data:  x\n\n')).toEqual([' x'])
  })

  it.each([
    ['CRLF', '\r\n'],
    ['CR', '\r'],
    ['LF', '\n'],
  ])('yields the same events for %s line endings, at every split', (_, ending) => {
    const bytes = encoder.encode(stream.join(ending))
    const expected = decode(stream.join('\n'))
    for (let at = 0; at <= bytes.length; at++)
      expect(decodePieces(cutAt(bytes, [at]))).toEqual(expected)
    expect(decodePieces([...bytes].map((byte) => Uint8Array.of(byte)))).toEqual(expected)
  })

  it('yields the same events for mixed line endings', () => {
    expect(data('data: 1\n\r\ndata: 2\r\rdata: 3\r\n\ndata: 4\r\n\r')).toEqual(['1', '2', '3', '4'])
  })

  it('emits an event as soon as its blank line has arrived, a CR too', () => {
    const events: SseEvent[] = []
    const decoder = sseDecoder((event) => void events.push(event))
    decoder.push(encoder.encode('data: 1\r\r'))
    expect(events.map((event) => event.data)).toEqual(['1'])
    decoder.push(encoder.encode('data: 2\n\r'))
    expect(events.map((event) => event.data)).toEqual(['1', '2'])
    decoder.push(encoder.encode('\ndata: 3\n\n'))
    expect(events.map((event) => event.data)).toEqual(['1', '2', '3'])
  })

  it('yields the same events for any split of any bytes', () => {
    const bytes = fc.array(
      fc.constantFrom(
        ...[
          'data: x',
          'data:',
          'data',
          ': c',
          'event: e',
          'id: 7',
          'retry: 5',
          '\n',
          '\n',
          '\r',
          '\r\n',
          '🦔',
          'é',
          '\0',
          '\uFEFF',
        ],
      ),
      { maxLength: 40 },
    )
    fc.assert(
      fc.property(bytes, fc.array(fc.nat(), { maxLength: 12 }), (words, places) => {
        const whole = encoder.encode(words.join(''))
        const cuts = places.map((place) => place % (whole.length + 1))
        expect(decodePieces(cutAt(whole, cuts))).toEqual(decodePieces([whole]))
      }),
      { numRuns: 1000 },
    )
  })

  it('decodes bytes like a TextDecoder on the whole, however they are split', () => {
    const character = fc.constantFrom(
      ...['a', 'é', '漢', '🦔', '\uFEFF', '\n'].map((text) => [...encoder.encode(text)]),
    )
    const broken = fc.array(fc.constantFrom(0x80, 0xbf, 0xc3, 0xe6, 0xed, 0xf0, 0xf4, 0xff))
    const bytes = fc.array(fc.oneof(character, broken), { maxLength: 20 })
    fc.assert(
      fc.property(bytes, fc.array(fc.nat(), { maxLength: 12 }), (pieces, places) => {
        const whole = Uint8Array.from([...encoder.encode('data: '), ...pieces.flat(), 10, 10])
        const cuts = places.map((place) => place % (whole.length + 1))
        expect(decodePieces(cutAt(whole, cuts))).toEqual(decode(new TextDecoder().decode(whole)))
      }),
      { numRuns: 1000 },
    )
  })

  it('never throws for random bytes', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 64 }), { maxLength: 20 }), (pieces) => {
        decodePieces(pieces)
      }),
      { numRuns: 500 },
    )
  })

  it('marks an event without its blank line at the end', () => {
    expect(decode('data: 1\n\ndata: {"a":1}')).toMatchObject([
      { data: '1' },
      { data: '{"a":1}', unterminated: true },
    ])
    expect(decode('data: {"a":1}\n')).toMatchObject([{ data: '{"a":1}', unterminated: true }])
    expect(decode('data: 1\n\n')[0]).not.toHaveProperty('unterminated')
  })

  it('yields no event for a body of comments, names and blank lines', () => {
    expect(decode(': hi\n\n\n\nevent: message_stop\n\n: bye')).toEqual([])
  })

  it('replaces bytes that are no UTF-8, also at the end', () => {
    const bytes = Uint8Array.of(...encoder.encode('data: a'), 0xff, 0xf0, 0x9f)
    expect(decodePieces([bytes])[0]?.data).toBe('a\uFFFD\uFFFD')
  })

  it("reports the server's retry field", () => {
    const waits: number[] = []
    decode('retry: 1500\n\nretry: soon\n\n', { onRetry: (ms) => void waits.push(ms) })
    expect(waits).toEqual([1500])
  })

  it('reports lines that are no field, which are no event', () => {
    const lines: string[] = []
    const onUnknownLine = (line: string) => void lines.push(line)
    const text = 'error: {"code":500}\n\n: comment\nretry: soon\n{\r\n "a": 1\r\n}'
    expect(decode(text, { onUnknownLine })).toEqual([])
    expect(lines).toEqual(['error: {"code":500}', '{', ' "a": 1', '}'])
  })

  describe('limits', () => {
    const pushAll = (pieces: readonly string[], maxEventBytes: number) => {
      const events: SseEvent[] = []
      const decoder = sseDecoder((event) => void events.push(event), { maxEventBytes })
      const run = () => {
        for (const piece of pieces) decoder.push(encoder.encode(piece))
      }
      return { events, run }
    }

    it.each([
      ['a line that never ends', ['data: ', 'x'.repeat(60), 'x'.repeat(60)]],
      ['many data lines', Array.from({ length: 30 }, () => 'data: xxxxx\n')],
      ['one event in one read', [`data: ${'x'.repeat(101)}\n\n`]],
    ])('rejects %s above the limit', (_, pieces) => {
      const { run } = pushAll(pieces, 100)
      expect(run).toThrow(UnexpectedResponseError)
    })

    it('emits the events before the one that is too large', () => {
      const { events, run } = pushAll([`data: 1\n\ndata: ${'x'.repeat(200)}`], 100)
      expect(run).toThrow(UnexpectedResponseError)
      expect(events.map((event) => event.data)).toEqual(['1'])
    })

    it('measures characters, never more than bytes', () => {
      const { events, run } = pushAll([`data: ${'é'.repeat(100)}\n\n`], 100)
      run()
      expect(events).toHaveLength(1)
      expect(pushAll([`data: ${'é'.repeat(101)}\n\n`], 100).run).toThrow('100 characters')
    })

    it('has a code for what happened, and is not retryable', () => {
      const { run } = pushAll([`data: ${'x'.repeat(200)}`], 100)
      expect(run).toThrow(expect.objectContaining({ code: 'too_large', retryable: false }))
    })

    it('accepts many events in a read that exceeds the limit of one', () => {
      const { events, run } = pushAll(['data: 12345\n\n'.repeat(1000)], 100)
      run()
      expect(events).toHaveLength(1000)
    })

    it('accepts a valid event of 28 MiB', () => {
      const text = 'x'.repeat(28 * 1024 * 1024)
      expect(decode(`data: ${text}\n\n`)[0]?.data.length).toBe(text.length)
    })
  })

  it('copies each byte a constant number of times, whatever the size of the pieces', () => {
    const line = encoder.encode(`data: ${'x'.repeat(10 * 1024 * 1024)}\n\n`)
    const pieces = Array.from({ length: Math.ceil(line.length / 64) }, (_, index) =>
      line.subarray(index * 64, index * 64 + 64),
    )
    // a quadratic reader would copy 800 GB here
    expect(decodePieces(pieces)[0]?.data.length).toBe(10 * 1024 * 1024)
  })
})
