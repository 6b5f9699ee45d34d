/** Masking: rules, splits, masked parts of a request and a response, errors. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type Detect, type RedactOptions, redact } from '../../middleware/redact.js'
import { standard } from '../../middleware/standard.js'
import { tool } from '../../middleware/tools.js'
import type { ChatRequest, StreamChunk } from '../../src/chat/index.js'
import { createClient } from '../../src/client.js'
import { BadRequestError, MisuseError } from '../../src/core/index.js'
import { middlewareContract } from '../contract/middleware.js'
import { deepFreeze, type Scripted, type Step, say, scripted, start } from '../contract/scripted.js'

/** The layer inside `tools`. */
const inner = (options?: RedactOptions) => redact(options).at(-1) ?? expect.fail('no layer')

middlewareContract('redact', () => inner())
middlewareContract('redact: results', () => redact()[0] ?? expect.fail('no layer'))
middlewareContract('redact with a service', () => {
  const detect = (text: string) => [...text.matchAll(/Zoe/g)].map(at('person'))
  return redact({ detect })[0] ?? expect.fail('no layer')
})

const at = (name: string) => (match: RegExpExecArray) => ({
  name,
  start: match.index,
  end: match.index + match[0].length,
})

const finish: StreamChunk = {
  type: 'finish',
  finish_reason: 'stop',
  usage: { prompt_tokens: 1, completion_tokens: 1, total_tokens: 2 },
}

const secrets = {
  EMAIL: ['bob@example.com', 'josé.o+x@mail.exämple.co.uk'],
  PHONE: ['+49 170 1234567', '(555) 123-4567', '0170 1234567'],
  IBAN: ['DE89 3704 0044 0532 0130 00', 'GB82WEST12345698765432'],
  CARD: ['4111 1111 1111 1111', '5500-0000-0000-0004', '378282246310005'],
  IP: ['192.168.10.250', '2001:db8::8a2e:370:7334', '::ffff:10.0.0.1'],
  KEY: [
    'sk-abcdefghijklmnop1234',
    'AKIAIOSFODNN7EXAMPLE',
    'ghp_abcdefghijklmnopqrstuvwxyz0123456789',
  ],
}

const pairs = Object.entries(secrets).flatMap(([name, values]) =>
  values.map((value) => [name, value] as const),
)

const requestFor = (over: Partial<ChatRequest> = {}): ChatRequest =>
  deepFreeze({ model: 'scripted/m', messages: [{ role: 'user', content: 'Hi' }], ...over })

const clientOf = (provider: Scripted, options?: RedactOptions, extra = {}) =>
  createClient({ providers: [provider], use: standard({ with: redact(options), ...extra }) })

const sentBy = (provider: Scripted) => provider.calls.map(({ request }) => request)

const inPieces = (text: string, size: number): string[] =>
  text.match(new RegExp(`[^]{1,${size}}`, 'g')) ?? []

const answer = (texts: readonly string[]): Step[] => [
  start(),
  ...texts.map((text): StreamChunk => ({ type: 'text-delta', text })),
  finish,
]

describe('redact: rules', () => {
  it.each(pairs)('masks as %s: %s, on the way in and out', async (name, value) => {
    const provider = scripted([answer([`It is ${value}, yes.`])])
    const reply = await clientOf(provider).generate(
      requestFor({ messages: [{ role: 'user', content: `Use ${value}.` }] }),
    )
    expect(sentBy(provider)[0]?.messages).toEqual([{ role: 'user', content: `Use <${name}>.` }])
    expect(reply.text).toBe(`It is <${name}>, yes.`)
  })

  it.each([
    'Card 4111 1111 1111 1112 fails its check',
    'GB82WEST12345698765433 fails its check',
    'on 01.02.2024 10:30, or 2024-01-15',
    'order 12345678901, price 1.234.567,89',
    '999.300.1.1 and 12:30:45 and std::vector a::b',
    'a@b, @you, x @ y.com',
    'sk-short, risk-assessment',
    '550e8400-e29b-41d4-a716-446655440000',
  ])('does not mask: %s', async (text) => {
    const provider = scripted([answer([text])])
    const reply = await clientOf(provider).generate(requestFor())
    expect(reply.text).toBe(text)
  })

  it('of two matches the leftmost wins, then the longest', async () => {
    const text =
      'key sk-abcdefghijklmnop1234 x; 12345678@x.com; card 4111 1111 1111 1111. 4111111111111111 12/27'
    const reply = await clientOf(scripted([answer([text])])).generate(requestFor())
    expect(reply.text).toBe('key <KEY> x; <EMAIL>; card <CARD>. <CARD> 12/27')
  })

  it('accepts rules of the app, and patterns of other engines', async () => {
    const engine = {
      [Symbol.replace]: (text: string, replacer: (match: string, ...args: unknown[]) => string) =>
        text.replace(/case-\d+/g, (match, offset, whole) => replacer(match, offset, whole)),
    }
    const rules: RedactOptions['rules'] = [
      { name: 'case', pattern: engine, maxLength: 12 },
      { name: 'badge', pattern: /\bB\d{4}\b/, maxLength: 5, chars: /[B\d]/ },
    ]
    const text = 'case-123 of B1234, not B12345 or XB1234, of email a@b.com'
    for (const size of [1, 2, 3, 7, 100]) {
      const reply = await clientOf(scripted([answer(inPieces(text, size))]), { rules }).generate(
        requestFor(),
      )
      expect(reply.text).toBe('<CASE> of <BADGE>, not B12345 or XB1234, of email a@b.com')
    }
  })

  it.each<[RegExp, number]>([
    [/(?<=password: )\S{1,12}/, 12],
    [/(?<=Case number )C-\d{6}(?!\d)/, 8],
    [/(?<=a long prefix of more than forty units is: )\d{4}/, 4],
    [/\d{4}(?= is my PIN)/, 4],
    [/\d{3}(?!\.\d)/, 3],
    [/\d{3}(?=\s|,)/, 3],
    [/(?<!order )\d{6}(?=[ ,]|\p{L})/u, 6],
  ])('look-behind and look-ahead see the text around a match: %s', async (pattern, maxLength) => {
    const text =
      'Case number C-123456, password: hunter22. For 123.4 and 567, order 654321, 654321, ' +
      'a long prefix of more than forty units is: 4711 9876 is my PIN.'
    const masked = text.replace(new RegExp(pattern, `g${pattern.flags}`), '<CASE>')
    expect(masked).not.toBe(text)
    for (const chars of [undefined, /\S/])
      for (const size of [1, 2, 3, 7, 200]) {
        const provider = scripted([answer(inPieces(text, size)), answer(inPieces(text, size))])
        const ai = clientOf(provider, { rules: [{ name: 'case', pattern, maxLength, chars }] })
        const request = requestFor({ messages: [{ role: 'user', content: text }] })
        expect((await ai.generate(request)).text).toBe(masked)
        expect((await ai.stream(request).response).text).toBe(masked)
        expect(sentBy(provider)[1]?.messages).toEqual([{ role: 'user', content: masked }])
      }
  })

  it.each([
    [{ rules: [{ name: 'a1', pattern: /a/, maxLength: 1 }] }],
    [{ rules: [{ name: 'a', pattern: /a/, maxLength: 0 }] }],
    [{ rules: ['email', { name: 'EMAIL', pattern: /a/, maxLength: 1 }] }],
    [{ rules: ['mail' as 'email'] }],
    [{ restore: true, scope: () => 'c' }],
  ] satisfies [RedactOptions][])('rejects %o', (options) => {
    expect(() => redact(options)).toThrow(MisuseError)
  })
})

/**
 * Number of text units that regular expressions scan: from the start of a search to the end of its
 * match. Each expression takes a bounded number of steps per unit
 * (test/regular-expressions.test.ts).
 */
async function unitsRead(run: () => Promise<unknown>): Promise<number> {
  let units = 0
  const { exec } = RegExp.prototype
  RegExp.prototype.exec = function counting(this: RegExp, text: string) {
    const from = this.global || this.sticky ? this.lastIndex : 0
    const match = exec.call(this, text)
    const end = match ? match.index + match[0].length : text.length
    units += 1 + (this.sticky && !match ? 0 : end - from)
    return match
  }
  try {
    await run()
  } finally {
    RegExp.prototype.exec = exec
  }
  return units
}

describe('redact: splits', () => {
  const words = fc.constantFrom(
    'is ',
    'I AM HERE ',
    '. ',
    '(',
    '12 ',
    '🙂',
    '<b>',
    'x',
    '+',
    'DE89 ',
    '\n',
  )
  const text = fc
    .array(fc.oneof(words, fc.constantFrom(...pairs.map(([, value]) => ` ${value} `))), {
      maxLength: 12,
    })
    .map((parts) => parts.join(''))
  const cuts = fc.array(fc.nat({ max: 30 }), { maxLength: 30 })

  it('a response is masked the same over any split, in both modes', async () => {
    await fc.assert(
      fc.asyncProperty(text, cuts, async (text, sizes) => {
        const pieces: string[] = []
        let rest = text
        for (const size of sizes) {
          pieces.push(rest.slice(0, size))
          rest = rest.slice(size)
        }
        pieces.push(rest)
        const whole = await clientOf(scripted([answer([text])])).generate(requestFor())
        const shown: string[] = []
        const stream = clientOf(scripted([answer(pieces)])).stream(requestFor())
        for await (const chunk of stream) if (chunk.type === 'text-delta') shown.push(chunk.text)
        expect(shown.join('')).toBe(whole.text)
        for (const [, secret] of pairs) expect(whole.text).not.toContain(secret)
      }),
      { numRuns: 150 },
    )
  })

  it.each(pairs)(
    '%s %s is masked at every split, one character per chunk too',
    async (name, value) => {
      const text = `a ${value}. b`
      const all = [inPieces(text, 1), ...[...text].map((_, i) => [text.slice(0, i), text.slice(i)])]
      for (const pieces of all) {
        const shown: string[] = []
        for await (const piece of clientOf(scripted([answer(pieces)])).stream(requestFor())
          .textStream)
          shown.push(piece)
        expect(shown.join('')).toBe(`a <${name}>. b`)
      }
    },
  )

  it('a pattern of the app scans each unit of a text at most nine times, whole or in pieces', async () => {
    const cost = async (text: string, size: number) => {
      let read = 0
      const pattern = {
        [Symbol.replace]: (window: string) => {
          read += window.length
          return window
        },
      }
      const rules: RedactOptions['rules'] = [{ name: 'own', pattern, maxLength: 64 }]
      const provider = scripted([answer(inPieces(text, size))])
      await createClient({ providers: [provider], use: [inner({ rules })] }).generate(requestFor())
      return read / text.length
    }
    const text = 'a'.repeat(100_000)
    for (const size of [1, 40, 100_000]) {
      const [one, two] = [await cost(text, size), await cost(text + text, size)]
      expect(Math.abs(two - one), String(size)).toBeLessThan(1)
    }
  })

  it.each([
    ['email', 'a'],
    ['email', 'a@a.'],
    ['email', 'a@a-'],
    ['phone', '+1('],
    ['phone', '01 '],
    ['iban', 'DE12 '],
    ['iban', 'DE12DE'],
    ['card', '1 '],
    ['card', '1'],
    ['ip', '1.'],
    ['ip', 'a:'],
    ['key', '-eyJ'],
    ['key', 'sk-a '],
    ['key', 'eyJaaaaaaaa.'],
  ] as const)(
    '%s scans twice the text, %j repeated, with twice the work',
    { timeout: 60_000 },
    async (rule, piece) => {
      const ai = (text: string) =>
        createClient({
          providers: [scripted([answer(inPieces(text, 7))])],
          use: redact({ rules: [rule] }),
        })
      const worst = (length: number) => piece.repeat(length / piece.length)
      const asked = (length: number) => {
        const messages = [{ role: 'user', content: worst(length) }] as const
        return unitsRead(() => ai('').generate(requestFor({ messages })))
      }
      const answered = (length: number) => unitsRead(() => ai(worst(length)).generate(requestFor()))
      expect((await asked(2_000_000)) / (await asked(1_000_000))).toBeLessThan(2.1)
      expect((await answered(100_000)) / (await answered(50_000))).toBeLessThan(2.1)
    },
  )

  it('the worst-case text of a built-in rule is unchanged, in one piece and in many', async () => {
    for (const piece of ['a', 'a@', 'a.', '1 ', '1.', 'DE12 ', ':', 'sk-', 'eyJ', '+1('])
      for (const size of [7, 100_000]) {
        const text = piece.repeat(20_000 / piece.length)
        const reply = await clientOf(scripted([answer(inPieces(text, size))])).generate(
          requestFor(),
        )
        expect(reply.text.length).toBeGreaterThan(0)
      }
  })
})

describe('redact: scope', () => {
  const mail = 'bob@example.com'

  it('of a request: everything that people and tools wrote, and no ids, types, names, media', async () => {
    const provider = scripted([answer(['ok'])])
    const media = [
      { type: 'image_url', image_url: { url: 'data:image/png;base64,Ym9i' } },
      { type: 'file', file: { file_id: 'file-1', filename: `${mail}.pdf` } },
    ] as const
    const call = {
      id: 'call_1',
      type: 'function',
      function: {
        name: 'mail',
        arguments: `{"to":"bob\\u0040example.com","${mail}":4111111111111111,"id":12345678901234567890}`,
      },
    } as const
    await createClient({ providers: [provider], use: redact() }).generate(
      requestFor({
        messages: [
          { role: 'system', content: `You serve ${mail}` },
          { role: 'user', content: [{ type: 'text', text: mail }, ...media] },
          { role: 'assistant', content: null, tool_calls: [call], reasoning_content: mail },
          { role: 'tool', tool_call_id: 'call_1', content: '{"who":"bob\\u0040example.com"}' },
        ],
        user: mail,
        metadata: { who: mail },
        stop: [mail],
        extra_body: { deep: [{ who: mail }] },
        tools: [
          {
            type: 'function',
            function: {
              name: 'mail',
              description: `Ask ${mail}`,
              parameters: { enum: [mail], maximum: 1 },
            },
          },
        ],
      }),
    )
    const sent = provider.calls[0]?.request ?? expect.fail('not asked')
    expect(JSON.stringify(sent)).not.toContain('example.com')
    expect(sent).toMatchObject({
      user: '<EMAIL>',
      metadata: { who: '<EMAIL>' },
      stop: ['<EMAIL>'],
      extra_body: { deep: [{ who: '<EMAIL>' }] },
      tools: [
        {
          function: { name: 'mail', description: 'Ask <EMAIL>', parameters: { enum: ['<EMAIL>'] } },
        },
      ],
    })
    expect(sent.messages[1]).toMatchObject({
      content: [
        { text: '<EMAIL>' },
        media[0],
        { file: { file_id: 'file-1', filename: '<EMAIL>' } },
      ],
    })
    expect(sent.messages[2]).toMatchObject({
      tool_calls: [
        {
          id: 'call_1',
          function: { arguments: '{"to":"<EMAIL>","<EMAIL>":"<CARD>","id":12345678901234567890}' },
        },
      ],
    })
    expect(sent.messages[3]).toMatchObject({ content: '{"who":"<EMAIL>"}' })
  })

  it('of a response: thoughts, arguments, hosted tools, citations moved, native dropped, no logprobs', async () => {
    const text = `Ask ${mail} in Rome.`
    const chunks: StreamChunk[] = [
      start(),
      { type: 'reasoning-delta', text: `He is ${mail}` },
      { type: 'text-delta', text },
      { type: 'logprobs', content: [{ token: 'bob', logprob: -1 }] },
      {
        type: 'annotation',
        annotation: {
          type: 'url_citation',
          url_citation: {
            url: 'https://x.org',
            title: mail,
            start_index: text.indexOf('Rome'),
            end_index: text.indexOf('Rome') + 4,
          },
        },
      },
      {
        type: 'hosted-tool',
        id: 'h',
        name: 'web_search',
        status: 'done',
        input: { q: mail },
        output: [mail],
      },
      { type: 'tool-call-start', index: 0, id: 'c', name: 'f' },
      { type: 'tool-call-delta', index: 0, arguments: `{"to":"bob@exam` },
      { type: 'tool-call-delta', index: 0, arguments: `ple.com"}` },
      { type: 'tool-call-end', index: 0 },
      {
        ...finish,
        native: { provider: 'scripted', model: 'm', content: [{ text: mail }] },
        provider_specific_fields: { container: { id: 'c1', owner: mail }, list: [mail] },
      },
    ]
    for (const mode of ['generate', 'stream'] as const) {
      const ai = clientOf(scripted([chunks]))
      const seen: StreamChunk[] = []
      const stream = ai.stream(requestFor())
      if (mode === 'stream') for await (const chunk of stream) seen.push(chunk)
      const reply = mode === 'generate' ? await ai.generate(requestFor()) : await stream.response
      expect(JSON.stringify([reply, seen])).not.toContain('example.com')
      expect(reply.text).toBe('Ask <EMAIL> in Rome.')
      const [citation] = reply.message.annotations ?? []
      const place = citation?.type === 'url_citation' ? citation.url_citation : undefined
      expect(reply.text.slice(place?.start_index, place?.end_index)).toBe('Rome')
      expect(reply.message.native).toEqual({ provider: 'scripted', model: 'm' })
      expect(reply.provider_specific_fields).toEqual({
        container: { id: 'c1', owner: '<EMAIL>' },
        list: ['<EMAIL>'],
      })
      expect(reply.logprobs).toBeUndefined()
      expect(reply.warnings).toMatchObject([{ code: 'dropped', param: 'logprobs' }])
    }
  })

  it('blocks stay where nothing in them was masked', async () => {
    const native = {
      provider: 'scripted',
      model: 'm',
      content: [{ thinking: 'hm', signature: 's' }],
    }
    const reply = await clientOf(scripted([say('Nothing here.', { native })])).generate(
      requestFor(),
    )
    expect(reply.message.native).toEqual(native)
  })

  it('a structured response is masked inside its JSON', async () => {
    const text = '{"to":"bob\\u0040example.com","card":4111111111111111}'
    const reply = await clientOf(scripted([answer(inPieces(text, 5))])).generate(
      requestFor({ response_format: { type: 'json_object' } }),
    )
    expect(reply.text).toBe('{"to":"<EMAIL>","card":"<CARD>"}')
  })

  it('tool results on their way to the client, and in step 2', async () => {
    const provider = scripted([
      [
        start(),
        { type: 'tool-call-start', index: 0, id: 'c', name: 'find' },
        { type: 'tool-call-end', index: 0 },
        { ...finish, finish_reason: 'tool_calls' },
      ],
      answer(['Done.']),
    ])
    const find = tool({ execute: () => ({ who: mail }) })
    const reply = await clientOf(provider, {}, { tools: { find } }).generate(requestFor())
    expect(JSON.stringify([reply, sentBy(provider)])).not.toContain('example.com')
    expect(reply.messages[1]).toMatchObject({ role: 'tool', content: '{"who":"<EMAIL>"}' })
    expect(reply.text).toBe('Done.')
  })

  it('messages, causes and stacks of errors', async () => {
    const failure = new BadRequestError(`No such person: ${mail}`, {
      status: 400,
      cause: new Error(mail),
    })
    const error = await clientOf(scripted([[failure]]))
      .generate(requestFor())
      .catch((thrown: unknown) => thrown)
    expect(error).toBeInstanceOf(BadRequestError)
    expect(error).toMatchObject({
      message: 'No such person: <EMAIL>',
      cause: { message: '<EMAIL>' },
    })
    expect((error as Error).stack).not.toContain(mail)
  })

  it('matches of a service, held until the turn is complete; its error ends the call', async () => {
    const detect: Detect = async (text) => [...text.matchAll(/Zoe/g)].map(at('person'))
    const provider = scripted([answer(['I am Z', 'oe, ', mail])])
    const ai = clientOf(provider, { detect })
    const reply = await ai.stream(requestFor({ messages: [{ role: 'user', content: 'Zoe!' }] }))
      .response
    expect(sentBy(provider)[0]?.messages).toEqual([{ role: 'user', content: '<PERSON>!' }])
    expect(reply.text).toBe('I am <PERSON>, <EMAIL>')
    const broken = clientOf(provider, {
      detect: () => {
        throw new Error('down')
      },
    })
    await expect(broken.generate(requestFor())).rejects.toThrow('down')
    expect(provider.calls).toHaveLength(1)
  })

  it('countTokens counts the masked request', async () => {
    const counted: ChatRequest[] = []
    const provider = {
      ...scripted([answer(['ok'])]),
      countTokens: async (request: ChatRequest) => counted.push(request),
    }
    await clientOf(provider).countTokens(
      requestFor({ messages: [{ role: 'user', content: mail }] }),
    )
    expect(counted[0]?.messages).toEqual([{ role: 'user', content: '<EMAIL>' }])
  })
})
