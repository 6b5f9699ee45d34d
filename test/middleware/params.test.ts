import { describe, expect, it } from 'vitest'
import { alias } from '../../middleware/alias.js'
import { type ParamsOptions, params } from '../../middleware/params.js'
import { retry } from '../../middleware/retry.js'
import { timeout } from '../../middleware/timeout.js'
import type { ChatRequest, ParamRule, Warning } from '../../src/chat/index.js'
import { createClient } from '../../src/client.js'
import {
  BadRequestError,
  layer,
  MisuseError,
  ServiceUnavailableError,
  UnsupportedParamsError,
} from '../../src/core/index.js'
import { deepFreeze, say, scripted } from '../contract/scripted.js'
import { fakeClock } from './fake-clock.js'

const messages = [{ role: 'user', content: 'Hi' }] as const

const rules: readonly ParamRule[] = [
  { param: 'seed', reason: 'there is no seed', unmapped: true },
  { param: 'top_k', reason: 'this model has no top_k' },
  { param: 'temperature', min: 0, max: 1, reason: 'a range of its own' },
  { param: 'reasoning_effort', values: ['low', 'high'], reason: 'two steps only' },
  { param: 'stop', maxItems: 4, reason: 'a short list' },
  { param: 'max_tokens', max: 1_000, reason: 'the model writes no more' },
  {
    param: 'tool_choice',
    when: ({ thinking, tool_choice }) => thinking !== undefined && tool_choice === 'required',
    adjust: () => 'auto',
    reason: 'no forced tool while thinking',
  },
  {
    param: 'top_p',
    when: ({ temperature }) => temperature !== undefined,
    reason: 'not beside temperature',
  },
]

type Given = Partial<ChatRequest> & Readonly<Record<string, unknown>>

interface Setting extends ParamsOptions {
  /** Parameters of the call. */
  readonly call?: boolean
  readonly rules?: readonly ParamRule[]
}

async function send(given: Given, { call, rules: own = rules, ...options }: Setting = {}) {
  const provider = scripted([say('Hello')], { name: 'acme', capabilities: { rules: own } })
  const ai = createClient({ providers: [provider], use: [params(options)] })
  const request = deepFreeze({ model: 'acme/m-1', messages, ...given } as ChatRequest)
  const reply = await ai.generate(request, { dropParams: call })
  const { model, messages: _, ...wire } = provider.calls[0]?.request ?? { model: '' }
  return { wire, warnings: reply.warnings.map(({ code, param }) => [code, param]), reply }
}

const refused = async (given: Given, setting?: Setting) => {
  const error = await send(given, setting).catch((thrown: unknown) => thrown)
  expect(error).toBeInstanceOf(UnsupportedParamsError)
  // checked on the line above
  return error as UnsupportedParamsError
}

describe('params', () => {
  it('accepts supported parameters, and members that are no parameters', async () => {
    const given = { temperature: 1, stop: ['a'], seed: undefined, custom_knob: { deep: [1] } }
    const { wire, warnings } = await send(given)
    expect(wire).toMatchObject({ temperature: 1, stop: ['a'], custom_knob: { deep: [1] } })
    expect(warnings).toEqual([])
  })

  it('leaves a model without data to the provider', async () => {
    const { wire } = await send({ seed: 1, temperature: 99 }, { rules: [] })
    expect(wire).toEqual({ seed: 1, temperature: 99 })
  })

  it.each<[string, Given]>([
    ['not taken at all', { seed: 7 }],
    ['below the range', { temperature: -0.1 }],
    ['above the range', { temperature: 1.7 }],
    ['not among the values', { reasoning_effort: 'ultra' as never }],
    ['too long a list', { stop: ['1', '2', '3', '4', '5'] }],
    ['over the limit, by either name', { max_completion_tokens: 1_001 }],
    ['not beside another one', { tool_choice: 'required', thinking: { type: 'enabled' } }],
  ])('rejects what is %s', async (_, given) => {
    await refused(given)
  })

  it('names provider, parameters, model, the reasons and both remedies', async () => {
    const error = await refused({ seed: 7, reasoning_effort: 'ultra' as never })
    expect(error).toMatchObject({ status: 400, provider: 'acme', model: 'm-1', retryable: false })
    for (const part of ['acme', 'seed', 'm-1', 'no seed', 'low, high', 'drop_params: true'])
      expect(error.message).toContain(part)
    expect(error.message).toContain('allowed_openai_params: ["seed","reasoning_effort"]')
  })

  it('sends nothing when it rejects', async () => {
    const provider = scripted([say('Hello')], { capabilities: { rules } })
    const ai = createClient({ providers: [provider], use: [params()] })
    const call = ai.generate({ model: 'scripted/m', messages, seed: 1 })
    await expect(call).rejects.toBeInstanceOf(UnsupportedParamsError)
    expect(provider.calls).toHaveLength(0)
    expect(await call.catch((error) => error.attempts)).toEqual([])
  })

  it.each<[Given, Given, (readonly [Warning['code'], string])[]]>([
    [{ seed: 7 }, {}, [['dropped', 'seed']]],
    [{ temperature: 1.7 }, { temperature: 1 }, [['changed', 'temperature']]],
    [{ temperature: -3 }, { temperature: 0 }, [['changed', 'temperature']]],
    [{ reasoning_effort: 'medium' }, {}, [['dropped', 'reasoning_effort']]],
    [{ stop: ['1', '2', '3', '4', '5'] }, { stop: ['1', '2', '3', '4'] }, [['changed', 'stop']]],
    [{ max_tokens: 5_000 }, { max_tokens: 1_000 }, [['changed', 'max_tokens']]],
    [
      { max_completion_tokens: 5_000 },
      { max_completion_tokens: 1_000 },
      [['changed', 'max_completion_tokens']],
    ],
    [
      { tool_choice: 'required', thinking: { type: 'adaptive' } },
      { tool_choice: 'auto', thinking: { type: 'adaptive' } },
      [['changed', 'tool_choice']],
    ],
    [
      { temperature: 2, top_p: 0.1, top_k: 3 },
      { temperature: 1 },
      [
        ['dropped', 'top_k'],
        ['changed', 'temperature'],
        ['dropped', 'top_p'],
      ],
    ],
  ])('with drop_params it changes %j to %j and reports it', async (given, wire, warnings) => {
    expect(await send({ ...given, drop_params: true })).toMatchObject({ wire, warnings })
    const sent = await send({ ...given, drop_params: true })
    expect(sent.wire).toEqual(wire)
  })

  it('each warning has its reason and its provider', async () => {
    const { reply } = await send({ seed: 7, drop_params: true })
    expect(reply.warnings).toMatchObject([
      {
        code: 'dropped',
        param: 'seed',
        provider: 'acme',
        message: expect.stringMatching(/no seed/),
      },
    ])
  })

  it('never drops a member that is no parameter', async () => {
    const { wire, warnings } = await send({ foo: 1, constructor: 2, drop_params: true })
    expect(wire).toEqual({ foo: 1, constructor: 2 })
    expect(warnings).toEqual([])
  })

  it('null and an empty list request nothing', async () => {
    const { wire, warnings } = await send({ seed: null as never, stop: [], drop_params: true })
    expect(wire).toEqual({ seed: null, stop: [] })
    expect(warnings).toEqual([])
  })
})

describe('drop_params', () => {
  it.each<[string, Given, Setting, boolean]>([
    ['nobody asks', {}, {}, false],
    ['the option asks', {}, { dropParams: true }, true],
    ['the call asks', {}, { call: true }, true],
    ['the request asks', { drop_params: true }, {}, true],
    ['the call forbids what the option allows', {}, { call: false, dropParams: true }, false],
    ['the call allows what the option forbids', {}, { call: true, dropParams: false }, true],
    ['the request forbids what the call allows', { drop_params: false }, { call: true }, false],
    ['the request allows what the call forbids', { drop_params: true }, { call: false }, true],
  ])('when %s', async (_, given, setting, isDropped) => {
    const request = { ...given, seed: 7 }
    if (isDropped) expect((await send(request, setting)).wire).toEqual({})
    else await refused(request, setting)
  })

  it.each([['true'], [1], [{}]])('must not be %j', async (drop_params) => {
    const error = await send({ drop_params: drop_params as never }).catch((thrown) => thrown)
    expect(error).toBeInstanceOf(BadRequestError)
    expect(error).not.toBeInstanceOf(UnsupportedParamsError)
  })

  it.each(['additional_drop_params', 'allowed_openai_params'])('%s is a list', async (name) => {
    for (const value of ['temperature', [1], { a: 1 }])
      await expect(send({ [name]: value })).rejects.toBeInstanceOf(BadRequestError)
  })

  it.each(['drop_params', 'additional_drop_params', 'allowed_openai_params'])(
    'without params() a request with %s is a MisuseError',
    async (name) => {
      const ai = createClient({ providers: [scripted([say('Hello')])] })
      const request = { model: 'scripted/m', messages, [name]: name === 'drop_params' || ['seed'] }
      await expect(ai.generate(request)).rejects.toBeInstanceOf(MisuseError)
    },
  )

  it.each([
    [{ dropParams: true }, params()],
    [{ dropParams: false }, params()],
    [{ aliases: { fast: 'scripted/m' } }, alias()],
  ] as const)(
    'without its layer the option %j of a call is a MisuseError',
    async (options, own) => {
      const request = { model: 'scripted/m', messages }
      for (const use of [[], [retry(), timeout()]]) {
        const provider = scripted([say('Hello')])
        const ai = createClient({ providers: [provider], use })
        await expect(ai.generate(request, options)).rejects.toThrow(`without the ${own.name}()`)
        await expect(ai.stream(request, options).response).rejects.toBeInstanceOf(MisuseError)
        expect(provider.calls).toHaveLength(0)
        // undefined is no option
        const none = Object.fromEntries(Object.keys(options).map((name) => [name, undefined]))
        expect((await ai.generate(request, none)).text).toBe('Hello')
      }
      // its layer is outside of the nested call, which inherits the option
      const asks = layer('asks', async (ctx, next) => {
        await ctx.client.generate(ctx.request)
        return next()
      })
      const ai = createClient({ providers: [scripted([say('Hello')])], use: [own, asks] })
      expect((await ai.generate(request, options)).text).toBe('Hello')
    },
  )
})

describe('additional_drop_params', () => {
  it('drops a parameter that the model supports, and reports it', async () => {
    const { wire, warnings } = await send({
      temperature: 0.5,
      additional_drop_params: ['temperature'],
    })
    expect(wire).toEqual({})
    expect(warnings).toEqual([['dropped', 'temperature']])
  })

  it('applies before the rules', async () => {
    expect((await send({ seed: 7, additional_drop_params: ['seed'] })).wire).toEqual({})
  })

  it('matches a plain name in extra_body too', async () => {
    const { wire, warnings } = await send({
      extra_body: { seed: 1, other: 2 },
      additional_drop_params: ['seed'],
    })
    expect(wire).toEqual({ extra_body: { other: 2 } })
    expect(warnings).toEqual([['dropped', 'seed']])
  })

  const tool = (name: string, strict?: boolean) => ({
    type: 'function' as const,
    function: { name, ...(strict !== undefined && { strict }) },
  })

  it.each<[string, Given, Given]>([
    [
      'tools[*].function.strict',
      { tools: [tool('a', true), tool('b'), tool('c', false)] },
      { tools: [tool('a'), tool('b'), tool('c')] },
    ],
    [
      'tools[1].function.strict',
      { tools: [tool('a', true), tool('b', true)] },
      { tools: [tool('a', true), tool('b')] },
    ],
    ['metadata.tenant', { metadata: { tenant: 't', user: 'u' } }, { metadata: { user: 'u' } }],
  ])('follows the path %s', async (path, given, wire) => {
    const sent = await send({ ...given, additional_drop_params: [path] })
    expect(sent.wire).toEqual(wire)
    expect(sent.warnings).toEqual([['dropped', path]])
  })

  it.each([
    'nothing',
    'tools[9].function',
    'tools[0]',
    'tools[*]',
    'stop.length',
    'metadata.constructor',
    'metadata.__proto__.x',
    '__proto__',
    '',
    '..',
    '[*]',
  ])('a path without a match (%s) is no error', async (path) => {
    const given = { tools: [tool('a')], stop: ['x'], metadata: { a: 'b' } }
    const { wire, warnings } = await send({ ...given, additional_drop_params: [path] })
    expect(wire).toEqual(given)
    expect(warnings).toEqual([])
  })

  it.each(['model', 'messages'])('cannot drop %s', async (name) => {
    await expect(send({ additional_drop_params: [name] })).rejects.toBeInstanceOf(BadRequestError)
  })
})

describe('allowed_openai_params', () => {
  it('sends a parameter unchanged that the wire has no field for', async () => {
    const { wire, warnings } = await send({ seed: 7, allowed_openai_params: ['seed'] })
    expect(wire).toEqual({ extra_body: { seed: 7 } })
    expect(warnings).toEqual([])
  })

  it('leaves parameters to the adapter that it can map', async () => {
    const given = { top_k: 5, temperature: 1.7, allowed_openai_params: ['top_k', 'temperature'] }
    expect((await send(given)).wire).toEqual({ top_k: 5, temperature: 1.7 })
    expect((await send({ ...given, drop_params: true })).wire).toEqual({
      top_k: 5,
      temperature: 1.7,
    })
  })

  it('sends no seed if there is none', async () => {
    expect((await send({ allowed_openai_params: ['seed', 'unheard_of'] })).wire).toEqual({})
  })

  it('extra_body takes precedence', async () => {
    const { wire } = await send({
      seed: 7,
      extra_body: { seed: 8, other: 1 },
      allowed_openai_params: ['seed'],
    })
    expect(wire).toEqual({ extra_body: { seed: 8, other: 1 } })
  })
})

describe('the token limit under its two names', () => {
  it('counts once if both are equal', async () => {
    const { wire, warnings } = await send({ max_tokens: 5, max_completion_tokens: 5 })
    expect(wire).toEqual({ max_completion_tokens: 5 })
    expect(warnings).toEqual([])
  })

  it('uses the newer name if they differ, with a warning', async () => {
    const { wire, warnings } = await send({ max_tokens: 5, max_completion_tokens: 6 })
    expect(wire).toEqual({ max_completion_tokens: 6 })
    expect(warnings).toEqual([['ignored', 'max_tokens']])
  })

  it('matches rules under either name', async () => {
    const rule: ParamRule = {
      param: 'temperature',
      when: ({ max_tokens, max_completion_tokens }) =>
        max_tokens === 5 && max_completion_tokens === 5,
      reason: 'a rule on both',
    }
    await refused({ temperature: 1, max_tokens: 5 }, { rules: [rule] })
    await refused({ temperature: 1, max_completion_tokens: 5 }, { rules: [rule] })
  })
})

it('inside retry and alias it checks the model of each attempt', async () => {
  const busy = new ServiceUnavailableError('busy')
  const provider = scripted([[busy], say('Hello')], { capabilities: { rules } })
  const use = [
    alias({ fast: { model: 'scripted/m', seed: 3, drop_params: true } }),
    retry({ clock: fakeClock({ jumps: true }) }),
    params(),
  ]
  const reply = await createClient({ providers: [provider], use }).generate({
    model: 'fast',
    messages,
  })
  expect(provider.calls.map(({ request }) => 'seed' in request)).toEqual([false, false])
  expect(reply.warnings).toHaveLength(1)
})
