/**
 * A conversation with reasoning, tools and images that moves between every two providers, through
 * JSON.
 */
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { ChatRequest, ChatResponse, Message } from '../../src/chat/index.js'
import { type MockServer, mockServer } from '../../src/testing/index.js'
import { clientOf, four, models, type Name, requestFor, say, think } from './support.js'

let server: MockServer
beforeEach(async () => {
  server = await mockServer()
})
afterEach(() => server.close())

const picture =
  'data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAgAAAAICAIAAABLbSncAAAAEklEQVR42mP4z8CAFWEXHbQSACj/P8Fu7N9hAAAAAElFTkSuQmCC'
const tools: ChatRequest['tools'] = [
  {
    type: 'function',
    function: {
      name: 'lookup',
      parameters: { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] },
    },
  },
]
const first: readonly Message[] = [
  { role: 'system', content: 'Be brief.' },
  {
    role: 'user',
    content: [
      { type: 'text', text: 'Where is this?' },
      { type: 'image_url', image_url: { url: picture } },
    ],
  },
]
const store = <T>(value: T): T => JSON.parse(JSON.stringify(value))
function freeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null) Object.values(value).forEach(freeze)
  return Object.freeze(value)
}

/** Two turns: a thought and a call, a result, a thought and text. */
async function twoTurns(name: Name, mode: 'generate' | 'stream') {
  server.script(
    think('SECRET-THOUGHT one')
      .say('Looking.')
      .callTool('lookup', { city: 'Rome' })
      .callTool('lookup', { city: 'Oslo' }),
    think('SECRET-THOUGHT two').say('It is Rome.'),
  )
  const ai = clientOf(server)
  const reply = async (request: ChatRequest): Promise<ChatResponse> =>
    mode === 'stream' ? ai.stream(request).response : ai.generate(request)
  const options = { tools, max_tokens: 4096, reasoning_effort: reasoning[name] }
  const one = await reply(requestFor(name, { ...options, messages: first }))
  const results = (one.message.tool_calls ?? []).map(
    (call, i): Message => ({
      role: 'tool',
      tool_call_id: call.id,
      content: i === 0 ? 'Italy' : 'Norway',
    }),
  )
  const second = [...first, ...one.messages, ...results]
  const two = await reply(requestFor(name, { ...options, messages: second }))
  return { history: store([...second, ...two.messages]), one, two }
}

/** Models without an effort are called without one. */
const reasoning: Record<Name, 'low' | undefined> = {
  openai: 'low',
  anthropic: 'low',
  gemini: 'low',
  xai: undefined,
  compatible: undefined,
}

/** The turns of a request body, wherever the wire of the provider has them. */
const turnsOf = (name: Name, body: Record<string, unknown>): unknown =>
  name === 'gemini' ? body.contents : name === 'anthropic' ? body.messages : body.input

const pairs = four.flatMap((from) => four.map((to) => [from, to] as const))

describe.each(['generate', 'stream'] as const)('a history created by %s', (mode) => {
  it.each(pairs)('is sent from %s to %s', async (from, to) => {
    const { history } = await twoTurns(from, mode)
    const messages = freeze([...history, { role: 'user' as const, content: 'Thanks. And Paris?' }])
    server.script(say('In France.'))
    const reply = await clientOf(server).generate(
      requestFor(to, { messages, tools, max_tokens: 4096, reasoning_effort: reasoning[to] }),
    )
    expect(reply.text).toBe('In France.')
    const { body, text } = server.requests.at(-1) ?? {}
    const natives = history.flatMap((message) =>
      message.role === 'assistant' && message.native ? [message.native] : [],
    )
    expect(natives.length).toBe(2)
    // neither internal members nor those of another provider reach the wire
    expect(text).not.toContain('"native"')
    expect(text).not.toContain('reasoning_content')
    if (from === to) {
      const sent = JSON.stringify(turnsOf(to, body ?? {}))
      for (const { content } of natives)
        for (const block of content ?? []) expect(sent).toContain(JSON.stringify(block))
      expect(reply.warnings).toEqual([])
    } else {
      expect(text).not.toContain('SECRET-THOUGHT')
      for (const { content } of natives)
        for (const secret of secretsOf(content)) expect(text).not.toContain(secret)
    }
    checkRules(to, body ?? {})
  })

  it.each(four)('of %s that was edited is sent with the edited text', async (name) => {
    const { history } = await twoTurns(name, mode)
    const edited = history.map((message) =>
      message.role === 'assistant' && message.content === 'It is Rome.'
        ? { ...message, content: 'It is [redacted].' }
        : message,
    )
    server.script(say('ok'))
    await clientOf(server).generate(
      requestFor(name, {
        messages: [...edited, { role: 'user', content: 'And?' }],
        tools,
        max_tokens: 4096,
      }),
    )
    expect(server.requests.at(-1)?.text).toContain('It is [redacted].')
    expect(server.requests.at(-1)?.text).not.toContain('It is Rome.')
  })
})

/** Signatures, encrypted content and ids of reasoning items. */
function secretsOf(value: unknown): string[] {
  if (Array.isArray(value)) return value.flatMap(secretsOf)
  if (typeof value !== 'object' || value === null) return []
  return Object.entries(value).flatMap(([key, member]) =>
    typeof member === 'string' &&
    /^(signature|encrypted_content|thoughtSignature)$/.test(key) &&
    member !== ''
      ? [member]
      : secretsOf(member),
  )
}

/** Checks what the providers require: roles alternate, each call has its result, ids fit. */
function checkRules(name: Name, body: Record<string, unknown>): void {
  type Block = Record<string, unknown>
  if (name === 'anthropic') {
    const turns = body.messages as { role: string; content: Block[] }[]
    expect(turns.map(({ role }) => role)).toEqual(
      turns.map((_, i) => (i % 2 === 0 ? 'user' : 'assistant')),
    )
    for (const [i, turn] of turns.entries()) {
      const blocks = Array.isArray(turn.content) ? turn.content : []
      const calls = blocks.filter(({ type }) => type === 'tool_use').map(({ id }) => id)
      const next = turns[i + 1]?.content ?? []
      const results =
        calls.length > 0
          ? next.filter(({ type }) => type === 'tool_result').map((block) => block.tool_use_id)
          : []
      expect(results).toEqual(calls)
      for (const id of calls) expect(id).toMatch(/^[a-zA-Z0-9_-]+$/)
    }
    expect(JSON.stringify(body.system)).toContain('Be brief.')
  }
  if (name === 'gemini') {
    const turns = body.contents as { role: string; parts: Block[] }[]
    expect(turns.map(({ role }) => role)).toEqual(
      turns.map((_, i) => (i % 2 === 0 ? 'user' : 'model')),
    )
    const calls = turns.flatMap(({ parts }) => parts.filter((part) => part.functionCall))
    const results = turns.flatMap(({ parts }) => parts.filter((part) => part.functionResponse))
    expect(results.length).toBe(calls.length)
    expect(JSON.stringify(body.systemInstruction)).toContain('Be brief.')
  }
  if (name === 'openai' || name === 'xai') {
    const items = body.input as Block[]
    const calls = items.filter(({ type }) => type === 'function_call').map(({ call_id }) => call_id)
    const results = items
      .filter(({ type }) => type === 'function_call_output')
      .map(({ call_id }) => call_id)
    expect(results).toEqual(calls)
    for (const id of calls) expect(String(id).length).toBeLessThanOrEqual(64)
  }
  expect(body).toMatchObject(name === 'gemini' ? {} : { model: models[name].split('/')[1] })
}
