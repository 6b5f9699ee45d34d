/**
 * Responses with one value of another type or range than documented: each call ends in a response
 * or a typed error.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Ledger } from '../../middleware/ledger.js'
import { log } from '../../middleware/log.js'
import { type UsageRecord, usage } from '../../middleware/usage.js'
import {
  type ChatResponse,
  isObject,
  type JsonObject,
  type PartialResponse,
  parseJson,
  type StreamChunk,
} from '../../src/chat/index.js'
import { type Client, createClient } from '../../src/client.js'
import { TetradError } from '../../src/core/index.js'
import { adaptersAt, drain, type Name, names, requestFor, textOf } from './support.js'

const seed = Number(process.env.ODD_SEED ?? 7)
/** Number of calls for each provider and mode. */
const rounds = Number(process.env.ODD_ROUNDS ?? 120)

let answer = { type: '', text: '' }
const server = createServer((request, response) => {
  request.resume().on('end', () => {
    response.writeHead(200, { 'content-type': answer.type, 'x-request-id': 'req_1' })
    response.end(answer.text)
  })
})
const records: UsageRecord[] = []
const ledger = new Ledger()
let ai: Client

beforeAll(async () => {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  // a TCP server has an address of this shape
  const { port } = server.address() as AddressInfo
  const options = { apiKey: 'key-of-a-test', baseURL: `http://127.0.0.1:${port}` }
  const onUsage = (record: UsageRecord) => {
    records.push(record)
    ledger.add(record)
  }
  ai = createClient({
    providers: adaptersAt(options),
    use: [log({ to: { info() {}, error() {} } }), usage({ onUsage })],
  })
})
afterAll(() => new Promise((resolve) => server.close(resolve)))

/** Mulberry32. */
function random(state: number) {
  let a = state
  return (below: number) => {
    a = (a + 0x6d2b79f5) | 0
    let t = Math.imul(a ^ (a >>> 15), 1 | a)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) % below
  }
}

/** JSON has no infinity, but JSON.parse reads `1e999` as one */
const infinite = '<infinite>'
const odd: readonly unknown[] = [
  null,
  true,
  '',
  'x',
  '7',
  -5,
  1.5,
  7,
  1e308,
  infinite,
  [],
  ['x'],
  [null],
  {},
  { x: { y: 1 } },
  'y'.repeat(3_000),
]
const toText = (value: unknown) => JSON.stringify(value).replaceAll(`"${infinite}"`, '1e999')

type Path = readonly (string | number)[]

/** Every path in a value, except the root. */
function placesIn(value: unknown, path: Path = []): Path[] {
  if (typeof value !== 'object' || value === null) return []
  return Object.entries(value).flatMap(([key, inner]) => {
    const place = [...path, Array.isArray(value) ? Number(key) : key]
    return [place, ...placesIn(inner, place)]
  })
}

function replaced(value: unknown, [step, ...rest]: Path, odd: unknown): unknown {
  if (step === undefined) return odd
  if (Array.isArray(value))
    return value.map((one, i) => (i === step ? replaced(one, rest, odd) : one))
  return isObject(value) ? { ...value, [step]: replaced(value[step], rest, odd) } : value
}

interface Recording {
  readonly file: string
  readonly body?: JsonObject
  readonly events?: readonly { readonly head: string; readonly data: unknown }[]
}

function recordingsOf(name: Name): Recording[] {
  const own = new URL(`../fixtures/${name}/`, import.meta.url)
  const shared = new URL(`../../../shared/traffic/${name}/`, import.meta.url)
  const files = readdirSync(own).map((file) => new URL(file, own))
  if (existsSync(shared))
    files.push(
      ...readdirSync(shared)
        .sort()
        .filter((_, i) => i % 17 === 0)
        .slice(0, 40)
        .map((file) => new URL(file, shared)),
    )
  return files.flatMap((file): Recording[] => {
    const recorded = parseJson(readFileSync(file, 'utf8'))
    if (!isObject(recorded) || (recorded.status ?? 200) !== 200) return []
    const isResponses = name === 'openai' || name === 'xai'
    if (isResponses && recorded.api !== undefined && recorded.api !== 'responses') return []
    if (isObject(recorded.body)) return [{ file: file.pathname, body: recorded.body }]
    if (typeof recorded.sse !== 'string' || recorded.sse.length > 60_000) return []
    const events = recorded.sse.split(/\r?\n\r?\n/).flatMap((block) => {
      const lines = block.split(/\r?\n/)
      const head = lines.filter((line) => line.startsWith('event:')).join('\n')
      const data = lines.filter((line) => line.startsWith('data:')).map((line) => line.slice(5))
      return data.length > 0 ? [{ head, data: parseJson(data.join('\n')) ?? data.join('\n') }] : []
    })
    return [{ file: file.pathname, events }]
  })
}

const sseOf = (events: NonNullable<Recording['events']>) =>
  events
    .map(
      ({ head, data }) =>
        `${head && `${head}\n`}data: ${typeof data === 'string' ? data : toText(data)}\n\n`,
    )
    .join('')

/** Serves the recording with one value replaced, and returns its path. */
function serveOdd({ file, body, events }: Recording, pick: (below: number) => number): string {
  const value = odd[pick(odd.length)]
  const at = events ? pick(events.length) : 0
  const whole = events ? events[at]?.data : body
  const places = placesIn(whole)
  const place = places[pick(Math.max(1, places.length))] ?? []
  const changed = place.length > 0 ? replaced(whole, place, value) : whole
  answer = events
    ? {
        type: 'text/event-stream',
        text: sseOf(events.map((one, i) => (i === at ? { ...one, data: changed } : one))),
      }
    : { type: 'application/json', text: toText(changed) }
  return `${file}#${at} ${place.join('.')} = ${toText(value).slice(0, 40)}`
}

function checkCounts(value: object, where: string): void {
  for (const [name, count] of Object.entries(value)) {
    if (typeof count === 'object') checkCounts(count, where)
    else if (name === 'cost')
      expect(count >= 0 && count < 1e9, `${where}: ${name} ${count}`).toBe(true)
    else if (name !== 'estimated')
      expect(Number.isSafeInteger(count) && count >= 0, `${where}: ${name} ${count}`).toBe(true)
  }
}

/** Text members of each chunk and response. */
const textMembers = new Set(
  'id model provider text arguments name tool_call_id status media_type data url file_id transcript content refusal reasoning_content input filename title cited_text service_tier stop_sequence native_finish_reason finish_reason request_id'.split(
    ' ',
  ),
)

function checkTexts(value: unknown, where: string): void {
  if (Array.isArray(value)) for (const one of value) checkTexts(one, where)
  if (!isObject(value)) return
  const isHosted = value.type === 'hosted-tool' || 'status' in value
  for (const [name, inner] of Object.entries(value)) {
    // values that only the provider reads, and those of its own tools, are passed on unchanged
    if (
      name === 'native' ||
      name === 'provider_specific_fields' ||
      name === 'error' ||
      (isHosted && (name === 'input' || name === 'output'))
    )
      continue
    if (
      textMembers.has(name) &&
      !isObject(inner) &&
      inner !== null &&
      !(name === 'content' && Array.isArray(inner))
    )
      expect(typeof inner, `${where}: ${name} ${JSON.stringify(inner)}`).toBe('string')
    checkTexts(inner, where)
  }
}

function checkGrammar(chunks: readonly StreamChunk[], where: string): void {
  let isOpen = false
  let calls = 0
  const open = new Set<number>()
  for (const chunk of chunks) {
    if (chunk.type === 'warning') continue
    if (chunk.type === 'start') {
      expect(isOpen, where).toBe(false)
      isOpen = true
      continue
    }
    expect(isOpen, `${where}: ${chunk.type}`).toBe(true)
    if (chunk.type === 'tool-call-start') {
      expect(chunk.index, where).toBe(calls++)
      open.add(chunk.index)
    }
    if (chunk.type === 'tool-call-delta') expect(open.has(chunk.index), where).toBe(true)
    if (chunk.type === 'tool-call-end') expect(open.delete(chunk.index), where).toBe(true)
    if (chunk.type === 'finish') {
      expect(open.size, where).toBe(0)
      isOpen = false
    }
  }
}

/** Codes of the core for an adapter that breaks its contract: our adapters never do. */
const broken = new Set(['bad_chunk', 'bad_answer', 'adapter_failed', 'grammar'])

function checkError(error: unknown, text: string, where: string): void {
  expect(error, `${where}: ${error}`).toBeInstanceOf(TetradError)
  // checked by the caller
  const { name, code, cause, partial, usage } = error as TetradError
  const trace = cause instanceof Error ? cause.stack : ''
  expect(cause instanceof TypeError || cause instanceof RangeError, `${where}: ${trace}`).toBe(
    false,
  )
  expect(name, where).not.toBe('MisuseError')
  expect(broken.has(code ?? ''), `${where}: ${error}`).toBe(false)
  expect(partial?.text ?? '', where).toBe(text)
  checkCounts(usage ?? {}, where)
}

function checkAnswer(response: ChatResponse | PartialResponse, where: string): void {
  checkCounts(response.usage, where)
  checkTexts({ ...response, attempts: [], usage: undefined }, where)
}

/** Odd values change little: most calls must still return a response. */
const leastAnswers = 0.6

describe.each(names)('an odd value in an answer of %s', (name) => {
  const recordings = recordingsOf(name)

  it('generate: a response or a typed error', async () => {
    const pick = random(seed)
    const plain = recordings.filter(({ body }) => body)
    let answers = 0
    for (let round = 0; round < rounds; round++) {
      const where = serveOdd(plain[pick(plain.length)] as Recording, pick)
      const known = records.length
      try {
        checkAnswer(await ai.generate(requestFor(name)), where)
        answers++
      } catch (error) {
        if (!(error instanceof TetradError)) throw error
        checkError(error, '', where)
      }
      expect(records.length, where).toBe(known + 1)
      checkCounts(records.at(-1)?.usage ?? {}, where)
    }
    expect(answers).toBeGreaterThan(rounds * leastAnswers)
  })

  it('stream: a response or a typed error that keeps the text', async () => {
    const pick = random(seed + 1)
    const streams = recordings.filter(({ events }) => events)
    let answers = 0
    for (let round = 0; round < rounds; round++) {
      const where = serveOdd(streams[pick(streams.length)] as Recording, pick)
      const known = records.length
      const stream = ai.stream(requestFor(name))
      const { chunks, error } = await drain(stream)
      checkGrammar(chunks, where)
      checkTexts(chunks, where)
      if (error) checkError(error, textOf(chunks), where)
      else {
        checkAnswer(await stream.response, where)
        answers++
      }
      expect(records.length, where).toBe(known + 1)
      checkCounts(records.at(-1)?.usage ?? {}, where)
    }
    expect(answers).toBeGreaterThan(rounds * leastAnswers)
  })
})
