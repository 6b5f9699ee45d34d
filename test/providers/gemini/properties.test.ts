/** Properties of every response: it is the same however it is split, and it can be sent back. */
import fc from 'fast-check'
import { expect, it } from 'vitest'
import type { JsonObject } from '../../../src/chat/index.js'
import { answerOf, chunk, flash3, readWhole, result, stop, user, writeMessages } from './support.js'

const signature = fc.option(fc.base64String({ minLength: 4, maxLength: 8 }), { nil: undefined })
const signed = (part: fc.Arbitrary<JsonObject>) =>
  fc
    .tuple(part, signature)
    .map(([one, thoughtSignature]) => (thoughtSignature ? { ...one, thoughtSignature } : one))

const words = fc.string({ minLength: 1, maxLength: 12, unit: 'grapheme' })
const args = fc.dictionary(words, fc.jsonValue({ maxDepth: 2 }), {
  maxKeys: 3,
  noNullPrototype: true,
})

const part = fc.oneof(
  { weight: 4, arbitrary: signed(words.map((text) => ({ text }))) },
  { weight: 2, arbitrary: signed(words.map((text) => ({ text, thought: true }))) },
  {
    weight: 2,
    arbitrary: signed(
      fc.tuple(fc.constantFrom('look', 'see'), args).map(([name, given]) => ({
        functionCall: { name, args: given },
      })),
    ),
  },
  signed(fc.constant({ executableCode: { id: 'c', language: 'PYTHON', code: '1' } })),
  signed(fc.constant({ inlineData: { mimeType: 'image/png', data: 'AAAA' } })),
)
const parts = fc.array(part, { maxLength: 8 })

/** The members of a response that do not depend on generated ids or the clock. */
const contentOf = ({ message, finish_reason, usage }: ReturnType<typeof answerOf>) => ({
  content: message.content,
  reasoning: message.reasoning_content,
  calls: message.tool_calls?.map((call) =>
    call.type === 'function' ? call.function : call.custom,
  ),
  images: message.images,
  finish_reason,
  usage,
})

/** Text split into letters, each in a chunk of its own. */
const cut = (all: readonly JsonObject[]) =>
  all.flatMap((one) => {
    const { text, thoughtSignature, ...rest } = one
    if (typeof text !== 'string' || thoughtSignature !== undefined) return [chunk([one])]
    return [...text].map((letter) => chunk([{ text: letter, ...rest }]))
  })

it('a response is the same whole, part by part and letter by letter', () => {
  fc.assert(
    fc.property(parts, (all) => {
      const whole = contentOf(answerOf([stop(all)]))
      expect(contentOf(answerOf([...all.map((one) => chunk([one])), stop()]))).toEqual(whole)
      expect(contentOf(answerOf([...cut(all), stop()]))).toEqual(whole)
      expect(contentOf({ ...answerOf([stop(all)]), ...readWhole(stop(all)) } as never)).toEqual(
        whole,
      )
    }),
  )
})

it('a response is sent back byte for byte, through JSON', () => {
  fc.assert(
    fc.property(parts, (all) => {
      const { message } = answerOf([stop(all)])
      fc.pre(message.native?.content !== undefined)
      const stored = JSON.parse(JSON.stringify(message))
      const results = (message.tool_calls ?? []).map(({ id }) => result(id))
      const written = writeMessages([user('Hi'), stored, ...results, user('Go')], { model: flash3 })
      expect(written.contents[1]?.parts).toEqual(JSON.parse(JSON.stringify(all)))
      expect(written.warnings).toEqual([])
    }),
  )
})
