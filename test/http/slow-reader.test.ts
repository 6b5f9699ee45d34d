/**
 * A client that does not read: the model is read no further than the buffers allow, and nothing is
 * lost.
 */
import { createHash } from 'node:crypto'
import { type IncomingMessage, request as send } from 'node:http'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { afterEach, describe, expect, it } from 'vitest'
import { type Client, createClient } from '../../src/client.js'
import type { ProviderAdapter } from '../../src/core/index.js'
import { scripted } from '../../src/testing/index.js'
import { type Serving, servers } from './support.js'

const pieceBytes = 4_096
const pieces = 12_800
const answerBytes = pieceBytes * pieces

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void
const usedBytes = () => {
  collect()
  const { heapUsed, external } = process.memoryUsage()
  return heapUsed + external
}

/** Pieces that all differ. */
const pieceOf = (index: number) => String(index).padStart(pieceBytes, '.')

/** A provider that emits a word, then 50 MB, and counts what was read of it. */
function countingProvider() {
  const provider = scripted()
  let pulled = 0
  let calls = 0
  const adapter: ProviderAdapter = {
    ...provider,
    async *generateStream() {
      yield { type: 'start', id: 'a', model: 'any', provider: 'scripted', created: 0 }
      const count = calls++ === 0 ? 1 : pieces
      for (pulled = 0; pulled < count; pulled++) yield { type: 'text-delta', text: pieceOf(pulled) }
      const usage = { prompt_tokens: 1, completion_tokens: 1, total_tokens: 2 }
      yield { type: 'finish', finish_reason: 'stop', usage }
    },
  }
  return {
    adapter,
    get askedBytes() {
      return pulled * pieceBytes
    },
  }
}

/** Resolves when a number no longer grows. */
async function settled(read: () => number) {
  let last = Number.NaN
  await expect
    .poll(
      () => {
        const isSame = read() === last
        last = read()
        return isSame && last > 0
      },
      { interval: 100, timeout: 15_000 },
    )
    .toBe(true)
  return last
}

const get = (url: string) =>
  new Promise<IncomingMessage>((resolve, reject) => {
    const headers = { 'content-type': 'application/json' }
    send(`${url}/api/chat`, { method: 'POST', headers, agent: false }, resolve)
      .on('error', reject)
      .end(JSON.stringify({ messages: [{ role: 'user', content: 'Speak' }] }))
  })

/** A digest of the pieces that were emitted. */
async function digestOf(response: IncomingMessage) {
  const hash = createHash('sha256')
  let rest = ''
  for await (const part of response.setEncoding('utf8')) {
    const events = (rest + part).split('\n\n')
    rest = events.pop() ?? ''
    for (const event of events) hash.update(/"text":"([^"]*)"/.exec(event)?.[1] ?? '')
  }
  return hash.digest('hex')
}

function digestOfAnswer() {
  const hash = createHash('sha256')
  for (let index = 0; index < pieces; index++) hash.update(pieceOf(index))
  return hash.digest('hex')
}

let running: Serving
afterEach(() => running.close())

describe.each(Object.entries(servers))('%s', (_, start) => {
  it('keeps its memory flat while a client does not read, and delivers everything when it continues', async () => {
    const provider = countingProvider()
    const ai: Client = createClient({ providers: [provider.adapter] })
    running = await start(ai, { public: true, models: ['scripted/any'] })
    // modules loaded by the first call are not counted
    await digestOf(await get(running.url))
    const before = usedBytes()
    const response = await get(running.url)
    // includes the buffers of the operating system, in both directions
    expect(await settled(() => provider.askedBytes)).toBeLessThan(answerBytes / 3)
    expect(usedBytes() - before).toBeLessThan(answerBytes / 4)
    expect(await digestOf(response)).toBe(digestOfAnswer())
    expect(provider.askedBytes).toBe(answerBytes)
  })
})
