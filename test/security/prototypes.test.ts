/**
 * Prototype names wherever JSON is read: no prototype is modified, and invalid input is a typed
 * error.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, expect, it, onTestFinished } from 'vitest'
import { conversation } from '../../middleware/conversation.js'
import { standard } from '../../middleware/standard.js'
import type { ChatRequest } from '../../src/chat/index.js'
import { createClient } from '../../src/client.js'
import { isTetradError } from '../../src/core/index.js'
import { handler } from '../../src/http/web.js'
import { memoryStore } from '../../src/store/index.js'
import {
  callTool,
  cassette,
  events,
  type SseEvent,
  say,
  scripted,
} from '../../src/testing/index.js'
import { type Answer, faultServer } from '../faults/server.js'
import { adaptersAt, type Name, names, requestFor, rich } from '../wire/support.js'

const hostileNames = ['__proto__', 'constructor', 'prototype'] as const

/** JSON text with own members that name a prototype: an object literal would set the prototype. */
const hostile = '{"__proto__":{"polluted":"yes"},"constructor":{"prototype":{"polluted":"yes"}}}'
const members = hostile.slice(1, -1)

/** Inserts the members at the start of each object in a JSON text, or of the one at index `at`. */
function poisoned(json: string, at?: number): string {
  let count = 0
  return json.replace(/\{/g, (brace, offset: number) => {
    const isText = isInString(json, offset)
    if (isText || (at !== undefined && count++ !== at)) return brace
    return json[offset + 1] === '}' ? `{${members}` : `{${members},`
  })
}

const isInString = (json: string, offset: number): boolean => {
  let isOpen = false
  for (let place = 0; place < offset; place++) {
    if (json[place] === '\\') place++
    else if (json[place] === '"') isOpen = !isOpen
  }
  return isOpen
}

/** Each prototype that a careless merge would modify. */
const prototypes = [Object, Array, Function, String, Number, Map, Promise].map(
  (kind) => [kind.prototype, Object.getOwnPropertyNames(kind.prototype).length] as const,
)

afterEach(() => {
  expect(({} as { readonly polluted?: unknown }).polluted).toBeUndefined()
  for (const [prototype, count] of prototypes)
    expect(Object.getOwnPropertyNames(prototype).length).toBe(count)
})

/**
 * Rejects an error that is not of the package: a raw TypeError shows code that trusted its input.
 */
async function typed(promise: Promise<unknown>): Promise<void> {
  const error = await promise.then(
    () => undefined,
    (thrown: unknown) => thrown,
  )
  if (error !== undefined && !isTetradError(error)) throw error
}

describe.each(['chunks', 'ui', 'openai'] as const)('a body of the format %s', (format) => {
  const text = { type: 'text', text: 'Hi' }
  const messages =
    format === 'ui'
      ? [{ id: 'u', role: 'user', parts: [text] }]
      : [{ role: 'user', content: [text] }]
  const body = JSON.stringify({ id: 'c', model: 'any', messages })
  const objects = body.split('{').length - 1

  const post = async (text: string) => {
    const model = scripted([say('Hello')])
    const chat = handler(createClient({ providers: [model] }), {
      public: true,
      format,
      models: { any: 'scripted/m' },
    })
    const headers = { 'content-type': 'application/json' }
    const response = await chat(
      new Request('http://app.test/', { method: 'POST', headers, body: text }),
    )
    await response.text()
    return { status: response.status, calls: model.calls.length }
  }

  it('is answered without them', async () => {
    expect(await post(body)).toEqual({ status: 200, calls: 1 })
  })

  it.each(Array.from({ length: objects }, (_, at) => at))(
    'is rejected with them in object %i, and calls no model',
    async (at) => {
      expect(await post(poisoned(body, at))).toEqual({ status: 400, calls: 0 })
    },
  )

  it.each(hostileNames)('rejects %s as a model or a role', async (name) => {
    const asked = JSON.stringify({ id: name, model: name, trigger: name, messages })
    expect(await post(asked)).toEqual({ status: 400, calls: 0 })
    const role = body.replace('"user"', JSON.stringify(name))
    expect((await post(role)).status).toBe(400)
  })
})

const clientAt = (url: string) =>
  createClient({
    providers: adaptersAt({ apiKey: 'test-key', baseURL: url }),
    use: standard({
      tools: { lookup: { execute: (args) => args }, __proto_: { execute: () => 'no' } },
      toolLoop: { maxSteps: 3 },
      retry: { attempts: 1 },
    }),
  })

async function runBothModes(name: Name, answers: readonly Answer[]): Promise<void> {
  for (const mode of ['generate', 'stream'] as const) {
    const server = await faultServer(answers)
    onTestFinished(() => server.close())
    const ai = clientAt(server.baseURL(name))
    const request = requestFor(name)
    await typed(mode === 'generate' ? ai.generate(request) : ai.stream(request).response)
  }
}

/** A reply of the provider with prototype members in all, or one, of its objects. */
const poisonedReply =
  (reply: ReturnType<typeof say>, at?: number): Answer =>
  (exchange) => {
    const { status, headers, frames, isStream } = exchange.payload(reply)
    const { 'content-length': _, ...rest } = headers
    exchange.response.writeHead(status, rest)
    const text = Buffer.concat(frames.map((frame) => Buffer.from(frame))).toString()
    const lines = text.replace(/^data: (\{.*\})\r?$/gm, (__, json) => `data: ${poisoned(json, at)}`)
    exchange.response.end(isStream ? lines : poisoned(text, at))
  }

describe.each(names)('a response of %s', (name) => {
  it('with prototype members in all its objects', async () => {
    await runBothModes(name, [poisonedReply(rich()), say('Done')])
  })

  it('with them in each of its first objects', async () => {
    for (let at = 0; at < 6; at++)
      await runBothModes(name, [poisonedReply(rich(), at), say('Done')])
  })

  it.each(hostileNames)('whose names, ids, roles and types are %s', async (word) => {
    const renamed = (list: readonly SseEvent[]) =>
      list.map(({ event, data }) => ({
        ...(event !== undefined && { event }),
        data: JSON.parse(
          JSON.stringify(data, (key, value) =>
            /^(id|call_id|item_id|name|role|status|stop_reason|finishReason|finish_reason)$/.test(
              key,
            )
              ? word
              : value,
          ),
        ),
      }))
    await runBothModes(name, [rich().editEvents(renamed), say('Done')])
    const types = (list: readonly SseEvent[]) =>
      list.map(({ data }) => ({ event: word, data: { ...(data as object), type: word } }))
    await runBothModes(name, [rich().editEvents(types)])
  })

  it('whose tool is called with them, or has their name', async () => {
    for (const arguments_ of [hostile, `{"a":${hostile}}`, `[${hostile}]`, '"__proto__"'])
      await runBothModes(name, [callTool('lookup', arguments_), say('Done')])
    for (const word of hostileNames) await runBothModes(name, [callTool(word, {}), say('Done')])
  })

  it('that is an error with them', async () => {
    for (const status of [200, 400, 429, 500])
      await runBothModes(name, [
        ({ response }) => {
          response.writeHead(status, { 'content-type': 'application/json' })
          response.end(`{"error":{"code":"__proto__","type":"constructor",${members}},${members}}`)
        },
      ])
  })
})

it('events of every wire exceed the number of objects tried', () => {
  for (const name of names) expect(events(name, rich()).length).toBeGreaterThan(0)
})

describe('data stored by an app', () => {
  const stored = (text: string): ChatRequest['messages'] => JSON.parse(text)
  const turns = JSON.stringify([
    { role: 'user', content: 'Look' },
    {
      role: 'assistant',
      content: null,
      tool_calls: [
        { id: 'c1', type: 'function', function: { name: 'lookup', arguments: hostile } },
      ],
      native: { v: 1, provider: 'anthropic', model: 'm', content: [{ type: 'text', text: 'x' }] },
    },
    { role: 'tool', tool_call_id: 'c1', content: hostile },
    { role: 'user', content: [{ type: 'text', text: 'And?' }] },
  ])

  it.each(names)('is harmless when sent to %s', async (name) => {
    const server = await faultServer([say('Done')])
    onTestFinished(() => server.close())
    const ai = clientAt(server.baseURL(name))
    await typed(ai.generate(requestFor(name, { messages: stored(turns) })))
    await typed(ai.generate(requestFor(name, { messages: stored(poisoned(turns)) })))
    const extra = { extra_body: JSON.parse(hostile), metadata: JSON.parse(hostile) }
    await typed(ai.generate(requestFor(name, extra)))
    const options = { provider_options: JSON.parse(`{"${name}":${hostile},${members}}`) }
    await typed(ai.generate(requestFor(name, options)))
  })

  it.each(hostileNames)('under the name %s is an ordinary conversation', async (id) => {
    const store = memoryStore()
    const model = scripted([say('One'), say('Two')])
    const ai = createClient({ providers: [model], use: [conversation({ store, id: () => id })] })
    const request = { model: 'scripted/m', messages: [{ role: 'user', content: 'Hi' }] } as const
    await ai.generate(request)
    await ai.generate(request)
    expect(model.calls[1]?.request.messages).toHaveLength(3)
  })

  it('on a tape is replayed or rejected', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'tapes-'))
    onTestFinished(() => rmSync(folder, { recursive: true }))
    const path = join(folder, 'tape.json')
    const tape = JSON.stringify([
      {
        request: { method: 'POST', url: 'http://x.test/v1/chat/completions', body: {} },
        response: { status: 200, headers: { 'content-type': 'application/json' }, reads: ['{}'] },
      },
    ])
    for (const text of [poisoned(tape), hostile, `[${hostile}]`]) {
      writeFileSync(path, text)
      const play = async () => {
        const fetch = cassette(path)
        await fetch('http://x.test/v1/chat/completions', { method: 'POST', body: hostile })
      }
      await typed(play())
    }
  })
})

describe('a signed conversation', () => {
  it('with prototype members is rejected', async () => {
    const model = scripted([say('Hello')])
    const chat = handler(createClient({ providers: [model] }), {
      models: { any: 'scripted/m' },
      secret: 'a secret that is long enough for this',
      authorize: () => ({ userId: 'ann' }),
    })
    const body = `{"messages":[{"role":"user","content":"Hi"},{"role":"assistant","content":"x","signature":"s",${members}},{"role":"user","content":"Hi"}]}`
    const headers = { 'content-type': 'application/json' }
    const request = new Request('http://app.test/', { method: 'POST', headers, body })
    expect((await chat(request)).status).toBe(400)
    expect(model.calls).toHaveLength(0)
  })
})
