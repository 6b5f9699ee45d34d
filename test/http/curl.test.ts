/** The routes as `curl` uses them. */
import { execFile } from 'node:child_process'
import { afterEach, describe, expect, it } from 'vitest'
import { createClient } from '../../src/client.js'
import { handler } from '../../src/http/node.js'
import { memoryStore } from '../../src/store/index.js'
import { fail, type ScriptedStep, say, scripted } from '../../src/testing/index.js'
import { dataOf, eventsOf } from './requests.js'
import { serve } from './support.js'

const closers: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const close of closers.splice(0)) await close()
})

async function route(...script: ScriptedStep[]) {
  const ai = createClient({ providers: [scripted(script)] })
  const options = { public: true, models: { fast: 'scripted/any' }, store: memoryStore() } as const
  const { url, close } = await serve(handler(ai, options))
  closers.push(close)
  return url
}

/** Headers and body of a response. */
function curl(...args: string[]): Promise<{ status: number; head: string; body: string }> {
  return new Promise((resolve, reject) => {
    execFile('curl', ['-sS', '-N', '-i', ...args], (error, stdout) => {
      if (error) return reject(error)
      const [head = '', ...rest] = stdout.split('\r\n\r\n')
      resolve({ status: Number(head.split(' ')[1]), head, body: rest.join('\r\n\r\n') })
    })
  })
}

const json = ['-H', 'content-type: application/json', '-d']
const messages = [{ role: 'user', content: 'Hi' }]
const uiMessages = [{ id: 'u', role: 'user', parts: [{ type: 'text', text: 'Hi' }] }]

describe('curl', () => {
  it('gets chunks with ids, and resumes after one of them', async () => {
    const url = `${await route(say('Hello there'))}/api/chat`
    const { head, body } = await curl(url, ...json, JSON.stringify({ messages }))
    expect(head).toMatch(/content-type: text\/event-stream/i)
    const events = eventsOf(body)
    expect(events.map(({ id }) => Number(id))).toEqual(events.map((_, index) => index + 1))
    const id = /x-stream-id: (\S+)/i.exec(head)?.[1]
    const again = await curl(`${url}/${id}/stream`, '-H', 'last-event-id: 2')
    expect(eventsOf(again.body)).toEqual(events.slice(2))
  })

  it('gets UI messages', async () => {
    const url = await route(say('Hello there'))
    const { head, body } = await curl(url, ...json, JSON.stringify({ messages: uiMessages }))
    expect(head).toMatch(/x-vercel-ai-ui-message-stream: v1/i)
    const events = dataOf(body).slice(0, -1)
    const text = events.map((one) => JSON.parse(one).delta ?? '').join('')
    expect(text).toBe('Hello there')
  })

  it('gets chat completions, streamed and whole, and the list of models', async () => {
    const url = await route(say('Hello there'), say('Hello'))
    const ask = { model: 'fast', messages }
    const path = `${url}/v1/chat/completions`
    const streamed = await curl(path, ...json, JSON.stringify({ ...ask, stream: true }))
    const deltas = dataOf(streamed.body).slice(0, -1)
    const text = deltas.map((one) => JSON.parse(one).choices[0]?.delta.content ?? '').join('')
    expect(text).toBe('Hello there')
    const plain = await curl(path, ...json, JSON.stringify(ask))
    expect(JSON.parse(plain.body).choices[0].message.content).toBe('Hello')
    const models = await curl(`${url}/v1/models`)
    expect(JSON.parse(models.body).data[0].id).toBe('fast')
  })

  it('gets JSON if it requests it, and errors by status', async () => {
    const url = await route(say('Hello'), fail(429, { retryAfter: 3 }))
    const plain = await curl(url, ...json, JSON.stringify({ messages, stream: false }))
    expect(JSON.parse(plain.body).text).toBe('Hello')
    const limited = await curl(url, ...json, JSON.stringify({ messages }))
    expect([limited.status, JSON.parse(limited.body).error.code]).toEqual([429, 'rate_limited'])
    expect(limited.head).toMatch(/retry-after: 3/i)
    expect((await curl(url, ...json, '{')).status).toBe(400)
    expect((await curl(url, '-d', 'a=b')).status).toBe(415)
  })
})
