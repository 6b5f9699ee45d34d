/**
 * Features that only some providers have, on each wire: audio, logprobs, token counts, custom and
 * hosted tools.
 */
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { ChatRequest, ChatResponse } from '../../src/chat/index.js'
import { AuthenticationError, BadRequestError } from '../../src/core/index.js'
import { hostedTool, type MockServer, mockServer } from '../../src/testing/index.js'
import { callTool, clientOf, four, type Name, names, requestFor, say } from './support.js'

let server: MockServer
beforeEach(async () => {
  server = await mockServer()
})
afterEach(() => server.close())

const modes = ['generate', 'stream'] as const
const every = (list: readonly Name[]) =>
  list.flatMap((name) => modes.map((mode) => [name, mode] as const))

const reply = async (mode: 'generate' | 'stream', request: ChatRequest): Promise<ChatResponse> => {
  const ai = clientOf(server)
  return mode === 'stream' ? ai.stream(request).response : ai.generate(request)
}
const sent = () => server.requests.at(-1)?.text ?? ''

describe('a function name that an API rejects', () => {
  const tool = { type: 'function', function: { name: 'Wetter für ä/b?', parameters: {} } } as const

  it.each(every(names))(
    'is the caller’s name again in the response and the next turn: %s, %s',
    async (name, mode) => {
      let spelled = ''
      server.reply(({ text }) => {
        // the only name of the body that was changed
        spelled = /"(Wetter[^"]*)"/.exec(text)?.[1] ?? ''
        return callTool(spelled, { city: 'Rome' })
      })
      const request = requestFor(name, { tools: [tool] })
      const { message, messages } = await reply(mode, request)
      const [call] = message.tool_calls ?? []
      expect(call).toMatchObject({ function: { name: tool.function.name } })
      expect(spelled).toMatch(name === 'gemini' ? /^[\w.:-]+$/ : /^[\w-]+$/)

      server.reply(say('Sunny.'))
      const result = { role: 'tool', tool_call_id: call?.id ?? '', content: 'sunny' } as const
      await reply(mode, { ...request, messages: [...request.messages, ...messages, result] })
      expect(sent()).toContain(spelled)
      expect(sent()).not.toContain(tool.function.name)
    },
  )
})

describe('audio input', () => {
  const audioRequest = (name: Name, more: Partial<ChatRequest> = {}) =>
    requestFor(name, {
      messages: [
        {
          role: 'user',
          content: [
            { type: 'text', text: 'What is said?' },
            { type: 'input_audio', input_audio: { data: 'UklGRgAAAAA=', format: 'wav' } },
          ],
        },
      ],
      ...more,
    })

  it.each(every(['gemini', 'compatible']))('is sent to %s unchanged, %s', async (name, mode) => {
    server.script(say('Hello.'))
    expect((await reply(mode, audioRequest(name))).text).toBe('Hello.')
    expect(sent()).toContain('UklGRgAAAAA=')
  })

  it.each(modes)('is sent to the audio models of OpenAI, %s', async (mode) => {
    server.script(say('Hello.'))
    await reply(mode, audioRequest('openai', { model: 'openai/gpt-audio' }))
    expect(sent()).toContain('UklGRgAAAAA=')
  })

  it('is rejected before any connection if the model takes no audio', async () => {
    await expect(reply('generate', audioRequest('anthropic'))).rejects.toBeInstanceOf(
      BadRequestError,
    )
    await expect(reply('generate', audioRequest('xai'))).rejects.toBeInstanceOf(BadRequestError)
    expect(server.requests).toEqual([])
  })
})

describe('logprobs', () => {
  it.each(every(['openai', 'gemini', 'xai', 'compatible']))(
    'of %s are read, %s',
    async (name, mode) => {
      server.script(say('One two', { logprobs: true }))
      const model = { openai: 'openai/gpt-4.1', gemini: 'gemini/gemini-2.0-flash' }[name as string]
      const answer = await reply(
        mode,
        requestFor(name, { logprobs: true, top_logprobs: 2, ...(model && { model }) }),
      )
      expect(answer.text).toBe('One two')
      expect(answer.logprobs?.content.map(({ token }) => token).join('')).toBe('One two')
      expect(sent()).toMatch(/logprobs/i)
    },
  )

  it('are dropped with a warning if the wire has none', async () => {
    server.script(say('Hi'))
    const answer = await reply('generate', requestFor('anthropic', { logprobs: true }))
    expect(answer.warnings).toContainEqual(
      expect.objectContaining({ code: 'dropped', param: 'logprobs', provider: 'anthropic' }),
    )
    expect(sent()).not.toMatch(/logprobs/)
  })
})

describe('countTokens', () => {
  it.each(names)('%s returns a number, an estimate is marked', async (name) => {
    const count = await clientOf(server).countTokens(requestFor(name))
    expect(count.tokens).toBeGreaterThan(0)
    const isRequested = server.requests.length > 0
    expect(count.estimated).toBe(isRequested ? undefined : true)
    expect(server.requests.every(({ kind }) => kind === 'count')).toBe(true)
  })

  it.each(['anthropic', 'gemini', 'openai'] as const)('%s has an endpoint', async (name) => {
    await clientOf(server).countTokens(requestFor(name))
    expect(server.requests).toHaveLength(1)
  })
})

describe('custom tools', () => {
  const custom: ChatRequest['tools'] = [
    { type: 'custom', custom: { name: 'sql', description: 'Runs SQL.' } },
  ]

  it.each(every(['openai', 'compatible']))('of %s accept free text, %s', async (name, mode) => {
    server.script(callTool('sql', 'SELECT "1"', { custom: true }))
    const answer = await reply(mode, requestFor(name, { tools: custom }))
    expect(answer.finish_reason).toBe('tool_calls')
    expect(answer.message.tool_calls).toMatchObject([
      { type: 'custom', custom: { name: 'sql', input: 'SELECT "1"' } },
    ])
  })

  it.each(every(['anthropic', 'gemini']))(
    'are functions with one text parameter on the wire of %s, and custom in the response, %s',
    async (name, mode) => {
      server.script((request) => {
        const argument = /"properties":\{"(\w+)"/.exec(request.text)?.[1] ?? 'input'
        return callTool('sql', { [argument]: 'SELECT "1"' })
      })
      const answer = await reply(mode, requestFor(name, { tools: custom }))
      expect(answer.message.tool_calls).toMatchObject([
        { type: 'custom', custom: { name: 'sql', input: 'SELECT "1"' } },
      ])
    },
  )
})

describe('hosted tools', () => {
  const search: Record<string, NonNullable<ChatRequest['tools']>[number]> = {
    openai: { type: 'web_search' },
    anthropic: { type: 'web_search_20250305', name: 'web_search' },
    gemini: { googleSearch: {} },
    xai: { type: 'web_search' },
  }

  it.each(every(four))(
    'of %s are passed through, and kept for the next turn, %s',
    async (name, mode) => {
      const tools = [search[name] as NonNullable<ChatRequest['tools']>[number]]
      const tool = name === 'gemini' ? 'google_search' : 'web_search'
      server.script(
        hostedTool(tool, { input: { query: 'x' }, output: [] }).say('Found.'),
        say('Ok.'),
      )
      const request = requestFor(name, { tools })
      const answer = await reply(mode, request)
      expect(answer.text).toBe('Found.')
      expect(answer.finish_reason).toBe('stop')
      const stored = JSON.parse(JSON.stringify(answer.messages))
      const next = await reply(mode, {
        ...request,
        messages: [...request.messages, ...stored, { role: 'user', content: 'And?' }],
      })
      expect(next.text).toBe('Ok.')
      expect(next.warnings).toEqual([])
      if (name !== 'gemini') expect(sent()).toMatch(/web_search_call|server_tool_use/)
    },
  )
})

describe('a missing API key', () => {
  const variables: Readonly<Record<string, string>> = {
    openai: 'OPENAI_API_KEY',
    anthropic: 'ANTHROPIC_API_KEY',
    gemini: 'GEMINI_API_KEY',
    xai: 'XAI_API_KEY',
  }

  it.each(four)(
    'of %s is an error before any connection that names the environment variable',
    async (name) => {
      const error = await clientOf(server)
        .generate(requestFor(name), { apiKeys: { [name]: '' } })
        .catch((thrown) => thrown)
      expect(error).toBeInstanceOf(AuthenticationError)
      expect(error.code).toBe('missing_api_key')
      expect(error.message).toContain(variables[name])
      expect(server.requests).toEqual([])
    },
  )
})

it('a custom tool is dropped for xAI, which executes calls of that kind itself, with a warning', async () => {
  server.script(say('ok'))
  const tools = [{ type: 'custom' as const, custom: { name: 'shell', description: 'Runs a line' } }]
  const reply = await clientOf(server).generate(requestFor('xai', { tools }))
  expect(server.requests[0]?.text).not.toContain('shell')
  expect(reply.warnings).toMatchObject([{ code: 'dropped', param: 'tools', provider: 'xai' }])
})

it('a list that is null is absent', async () => {
  server.script(say('ok'))
  const request = { ...requestFor('openai'), tools: null, stop: null } as never
  expect((await clientOf(server).generate(request)).text).toBe('ok')
  expect(server.requests[0]?.body).not.toHaveProperty('tools')
})
