import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { readAnswer, toFormat } from '../../src/schema/index.js'

const format = toFormat(z.object({ a: z.string() }))
const json = '{"a":"x"}'

describe('a text that contains exactly the requested JSON is read', () => {
  it.each([
    ['alone', json],
    ['in a fence with its language', `\`\`\`json\n${json}\n\`\`\``],
    ['in a fence without one', `\`\`\`\n${json}\n\`\`\``],
    ['in a fence of more marks', `\`\`\`\`JSON\r\n${json}\r\n\`\`\`\``],
    ['in a fence of tildes', `~~~json\n${json}\n~~~`],
    ['in a fence on one line', `\`\`\`${json}\`\`\``],
    ['in a fence on one line, with its language', `\`\`\`json ${json} \`\`\``],
    ['behind a zero-width space', `\u200b\u2060${json}`],
    ['in a fence among spaces', ` \n\`\`\`json \n\n${json}\n\n\`\`\`\n `],
    ['behind a byte order mark', `\ufeff${json}`],
    ['behind a no-break space', `\u00a0${json}\u00a0`],
    ['in a fence behind a byte order mark', `\ufeff\`\`\`json\n${json}\n\`\`\``],
  ])('%s', async (_, text) => {
    expect(await readAnswer(text, format)).toEqual({ value: { a: 'x' } })
  })

  it('text that is JSON with a fence in it is unchanged', async () => {
    const text = JSON.stringify({ a: '```json\n{}\n```' })
    expect(await readAnswer(text, format)).toEqual({ value: { a: '```json\n{}\n```' } })
  })
})

describe('any other text has a defect', () => {
  it.each([
    ['nothing', ''],
    ['prose', 'Here you are: {"a":"x"}'],
    ['two fences', `\`\`\`json\n${json}\n\`\`\`\n\`\`\`json\n${json}\n\`\`\``],
    ['half a fence', `\`\`\`json\n${json}`],
    ['half an object', '{"a":'],
    ['marks alone', '```'],
    ['marks alone, many', '`'.repeat(50)],
  ])('%s', async (_, text) => {
    expect(await readAnswer(text, format)).toMatchObject({ code: 'bad_json' })
  })

  it('a value of another type is reported with its path, by either schema', async () => {
    for (const one of [format, { ...format }])
      expect(await readAnswer('{"a":1}', one)).toMatchObject({
        code: 'schema_mismatch',
        defect: expect.stringMatching(/a: .*string/),
      })
  })

  it('rules of a Standard Schema that JSON Schema cannot express apply too', async () => {
    const even = toFormat(z.object({ n: z.number().refine((n) => n % 2 === 0, 'must be even') }))
    expect(await readAnswer('{"n":1}', even)).toMatchObject({ defect: 'n: must be even' })
  })
})

it('any JSON matches json_object, any text matches text', async () => {
  expect(await readAnswer('[1]', { type: 'json_object' })).toEqual({ value: [1] })
  expect(await readAnswer('x', { type: 'json_object' })).toMatchObject({ code: 'bad_json' })
  expect(await readAnswer('x', { type: 'text' })).toEqual({ value: 'x' })
})
