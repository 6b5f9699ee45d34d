import { describe, expect, it } from 'vitest'
import { fallback } from '../../middleware/fallback.js'
import { promptCache } from '../../middleware/prompt-cache.js'
import { standard } from '../../middleware/standard.js'
import { tool } from '../../middleware/tools.js'
import type { ChatRequest, Message } from '../../src/chat/index.js'
import { createClient } from '../../src/client.js'
import { type Middleware, MisuseError } from '../../src/core/index.js'
import {
  callTool,
  fail,
  type MockServer,
  mockServer,
  type Step,
  say,
} from '../../src/testing/index.js'
import { middlewareContract } from '../contract/middleware.js'
import { deepFreeze } from '../contract/scripted.js'
import { adapters, models } from './wires.js'

middlewareContract('promptCache', () => promptCache())

const modes = ['generate', 'stream'] as const
type Mode = (typeof modes)[number]

const claude = 'anthropic/claude-sonnet-4-5'
const messages: readonly Message[] = [
  { role: 'system', content: 'Be short.' },
  { role: 'user', content: 'How is it?' },
]

async function sent(
  mode: Mode,
  request: ChatRequest,
  {
    script = [say('Fine.')],
    use = standard({ with: [promptCache()] }),
  }: {
    script?: readonly Step[]
    use?: readonly Middleware[]
  } = {},
): Promise<MockServer['requests']> {
  await using server = await mockServer(script)
  const ai = createClient({ providers: adapters(server), use })
  const asked = deepFreeze(request)
  const reply = mode === 'generate' ? await ai.generate(asked) : await ai.stream(asked).response
  expect(reply.warnings.filter(({ param }) => param?.includes('cache'))).toEqual([])
  return [...server.requests]
}

const mark = { cache_control: { type: 'ephemeral' } } as const
const part = { type: 'text', text: 'Hi', ...mark } as const

const ownMarks: readonly (readonly [where: string, Partial<ChatRequest>])[] = [
  ['a message', { messages: [{ role: 'system', content: 'Be short.', ...mark }, ...messages] }],
  ['a part', { messages: [...messages, { role: 'user', content: [part] }] }],
  ['a tool', { tools: [{ type: 'function', function: { name: 'f' }, ...mark }] }],
  ['the request', { provider_options: { anthropic: mark } }],
]

const look = { look: tool({ execute: () => 'seen' }) }
const marks = (body: unknown) => JSON.stringify(body).split('"cache_control"').length - 1
const withoutMarks = (body: unknown) =>
  JSON.parse(JSON.stringify(body), (name, value) =>
    name === 'cache_control' || name === 'prompt_cache_key' ? undefined : value,
  )

describe.each(modes)('%s', (mode) => {
  it.each(models)('on the wire of %s no content changes', async (model) => {
    const text = (body: unknown) =>
      JSON.stringify(withoutMarks(body)).replaceAll(/\[\{"type":"text","text":("[^"]*")\}\]/g, '$1')
    const [with_] = await sent(mode, { model, messages })
    const [without] = await sent(mode, { model, messages }, { use: standard() })
    expect(text(with_?.body)).toBe(text(without?.body))
  })

  it('each step of a loop has a cache mark at its end, and at its stable prefix', async () => {
    const script = [callTool('look'), callTool('look'), say('Fine.')]
    const use = standard({ tools: look, with: [promptCache({ ttl: '1h' })] })
    const requests = await sent(mode, { model: claude, messages }, { script, use })
    expect(requests).toHaveLength(3)
    for (const { body } of requests) {
      const { system, messages: turns } = body as {
        readonly system: unknown
        readonly messages: readonly unknown[]
      }
      expect(JSON.stringify(system)).toContain('"cache_control":{"type":"ephemeral","ttl":"1h"}')
      expect(JSON.stringify(turns.at(-1))).toContain('"cache_control"')
      expect(marks(body)).toBe(2)
    }
  })

  it('without a system message the tools are the stable prefix', async () => {
    const use = standard({ tools: look, with: [promptCache()] })
    const [request] = await sent(mode, { model: claude, messages: messages.slice(1) }, { use })
    expect(request?.body).toHaveProperty('tools.0.cache_control', { type: 'ephemeral' })
    expect(marks(request?.body)).toBe(2)
  })

  it.each(ownMarks)('a mark of the app on %s is the only one', async (_, own) => {
    const [request] = await sent(mode, { model: claude, messages, ...own })
    expect(marks(request?.body)).toBe(1)
  })

  it.each(['openai/gpt-5', 'xai/grok-4.3'])(
    '%s receives the same key for the same prefix',
    async (model) => {
      const keyOf = async (request: Partial<ChatRequest>) => {
        const [asked] = await sent(mode, { model, messages, ...request })
        return (asked?.body as { prompt_cache_key?: string } | undefined)?.prompt_cache_key
      }
      const key = await keyOf({})
      expect(key).toMatch(/^[0-9a-f]{32}$/)
      const [system] = messages
      expect(
        await keyOf({ messages: [system as Message, { role: 'user', content: 'Else' }] }),
      ).toBe(key)
      expect(
        await keyOf({ messages: [{ role: 'system', content: 'x' }, ...messages.slice(1)] }),
      ).not.toBe(key)
      expect(await keyOf({ messages: messages.slice(1) })).toBeUndefined()
      expect(await keyOf({ prompt_cache_key: 'mine' })).toBe('mine')
    },
  )

  it.each(['gemini/gemini-2.5-flash', 'local/model'])('%s receives no key', async (model) => {
    const [request] = await sent(mode, { model, messages })
    expect(JSON.stringify(request?.body)).not.toMatch(/cache/)
  })

  it('after a fallback it is set for the model that is called', async () => {
    const use = standard({ with: [promptCache(), fallback(claude)] })
    const script = [fail(401), say('Fine.')]
    const [first, second] = await sent(mode, { model: 'openai/gpt-5', messages }, { script, use })
    expect(first?.body).toHaveProperty('prompt_cache_key')
    expect(second?.body).not.toHaveProperty('prompt_cache_key')
    expect(marks(second?.body)).toBe(2)
  })
})

it('a ttl that Anthropic does not support is a MisuseError', () => {
  expect(() => promptCache({ ttl: '2h' as never })).toThrow(MisuseError)
})
