/**
 * What must compile, and what must not: state, read-only requests, inline middleware, parsed
 * responses.
 */
import { z } from 'zod'
import { alias } from '../../middleware/alias.js'
import type { ChatRequest, Message, StreamChunk } from '../../src/chat/index.js'
import { type Client, createClient } from '../../src/client.js'
import { key, type Middleware } from '../../src/core/index.js'

type Equal<A, B> =
  (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false
const check = <_ extends true>() => {}

declare const request: ChatRequest
const plain = createClient({ providers: [] })

// state is required exactly when it has required keys
const withState = createClient<{ userId: string }>({ providers: [] })
const withOptional = createClient<{ trace?: string }>({ providers: [] })
plain.generate(request)
withOptional.generate(request)
withState.generate(request, { state: { userId: 'u' } })
// @ts-expect-error state is missing
withState.generate(request)
// @ts-expect-error state is missing
withState.stream(request, { tags: {} })
// @ts-expect-error userId is a string
withState.generate(request, { state: { userId: 1 } })

// a middleware declares the state it requires
declare const needsUser: Middleware<{ userId: string }>
declare const needsTrace: Middleware<{ trace?: string }>
createClient<{ userId: string; plan: string }>({ providers: [], use: [needsUser] }).use(needsUser)
plain.use(needsTrace)
// @ts-expect-error this client has no userId
createClient({ providers: [], use: [needsUser] })
// @ts-expect-error this client has no userId
plain.use(needsUser)
// @ts-expect-error userId is optional here
createClient<{ userId?: string }>({ providers: [], use: [needsUser] })

// inline middleware infers, also next to named ones
createClient<{ userId: string }>({
  providers: [],
  use: [
    needsUser,
    async (ctx, next) => {
      check<Equal<typeof ctx.state, Readonly<{ userId: string }>>>()
      await next()
    },
    (ctx, next) => {
      ctx.request = { ...ctx.request, temperature: 0 }
      return next()
    },
  ],
})

// a forgotten `return next()` does not compile
// @ts-expect-error returns void
plain.use((_ctx, next) => {
  next()
})

// the request is deeply read-only
plain.use((ctx, next) => {
  // @ts-expect-error read only
  ctx.request.temperature = 1
  // @ts-expect-error read only
  ctx.request.messages.push({ role: 'user', content: 'x' })
  // @ts-expect-error read only
  ctx.request.tools?.sort()
  // @ts-expect-error read only
  delete ctx.request.stop
  // @ts-expect-error no such slot
  ctx.foo = 1
  ctx.set(key<number>('n'), 1)
  // @ts-expect-error the key has numbers
  ctx.set(key<number>('n'), 'x')
  return next()
})

// typos are errors, `undefined` counts as absent, frozen literals are accepted
// @ts-expect-error a typo
plain.generate({ model: 'm', messages: [], temprature: 1 })
plain.generate({ model: 'm', messages: [], temperature: undefined })
const frozen = {
  model: 'm',
  messages: [{ role: 'user', content: [{ type: 'text', text: 'x' }] }],
  stop: ['a'],
  tools: [
    { type: 'function', function: { name: 'f', parameters: { type: 'object', required: ['a'] } } },
  ],
} as const
plain.generate(frozen)

// a response with a schema is typed, in every form
const schema = z.object({ rivers: z.array(z.string()) })
async function parsed(ai: Client) {
  const reply = await ai.generate({ ...request, response_format: schema })
  check<Equal<typeof reply.parsed, { rivers: string[] }>>()
  const stream = ai.stream({ ...request, response_format: schema })
  check<Equal<Awaited<typeof stream.response>['parsed'], { rivers: string[] }>>()
  for await (const part of stream.partial) part.rivers?.[0]?.toUpperCase()
  const untyped = await ai.generate(request)
  check<Equal<typeof untyped.parsed, unknown>>()
}
plain.use(async (ctx, next) => {
  const verdict = await ctx.client.generate({ ...ctx.request, response_format: schema })
  check<Equal<typeof verdict.parsed, { rivers: string[] }>>()
  await next()
})

// known models are completed, any other name is accepted
check<Equal<Extract<ChatRequest['model'], 'openai/gpt-5'>, 'openai/gpt-5'>>()
declare const anyName: string
plain.generate({ model: anyName, messages: [] })
alias({ fast: 'xai/grok-4.5', own: anyName, third: { model: 'a-server/a-model' } })

// messages, parts and chunks are discriminated unions
function roles(message: Message): string {
  switch (message.role) {
    case 'tool':
      return message.tool_call_id
    case 'assistant':
      return message.reasoning_content ?? ''
    case 'user':
    case 'system':
    case 'developer':
      return typeof message.content === 'string' ? message.content : ''
    default:
      return message satisfies never
  }
}
function kinds(chunk: StreamChunk): StreamChunk {
  return chunk.type === 'text-delta' ? { ...chunk, text: chunk.text.trim() } : chunk
}

export { kinds, parsed, roles }
