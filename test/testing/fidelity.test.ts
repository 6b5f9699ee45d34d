/**
 * Recorded streams compared with ours for a similar reply: the same event types in the same order,
 * each with the same members. Recordings are shortened: of a run of deltas the first two are kept,
 * long opaque strings are truncated.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { isObject, type JsonObject } from '../../src/chat/index.js'
import {
  callTool,
  events,
  hostedTool,
  type ProviderName,
  type Reply,
  refuse,
  say,
  think,
} from '../../src/testing/index.js'

interface Recording {
  readonly provider: ProviderName
  readonly api: string
  readonly model: string
  readonly request: JsonObject
  readonly sse: string
}

interface Comparison {
  readonly reply: Reply
  /** Members of one event, as `type: path`, that only the recording or only ours has. */
  readonly differs?: readonly string[]
}

const folder = new URL('recorded/', import.meta.url)
const recordings = readdirSync(folder).map((name) => name.replace('.json', ''))

// obfuscation is off; the other members came with later models or depend on the account
const ofOthers =
  /obfuscation|moderation|_penalty|prompt_cache_retention|completed_at|tool_usage|billing|output_schema|reasoning\.(context|mode)|inference_geo|stop_details|output_tokens_details|index$/

const sourceUpTo = (end_index: number) => ({
  url: 'https://example.com',
  title: 'Example',
  end_index,
})

const comparisons: Readonly<Record<string, Comparison>> = {
  'openai-text': { reply: think('').say('3') },
  'openai-call': { reply: callTool('get_weather', { location: 'Berlin' }) },
  'openai-refusal': { reply: refuse("I'm sorry, I can't assist with that.") },
  'openai-thought': {
    reply: think('')
      .say('I’ll check the tool.', { phase: 'commentary' })
      .callTool('get_capital', { country: 'PotatoLand' })
      .usage({ prompt_tokens_details: { cache_creation_tokens: 0 } }),
  },
  'openai-search': {
    reply: hostedTool('web_search', { input: { query: 'Ethereum price' } })
      .say('One. Two. Three. Four. Five. Six. End.')
      .cite(...[4, 9, 16, 22, 28, 33].map(sourceUpTo)),
  },
  'xai-call': {
    reply: think('The question is about languages.\n')
      .callTool('best_language_to_learn')
      .usage({ cost: 0.001 }),
  },
  'xai-text': { reply: think('The user asks.').say('It is mild.').usage({ cost: 0.001 }) },
  'anthropic-text': { reply: say('1, 2, 3') },
  'anthropic-call': { reply: callTool('add', { a: 2, b: 3 }) },
  'anthropic-thought': { reply: think('The user is asking.').say('The primes are 79, 179.') },
  'anthropic-redacted': {
    reply: think('', { redacted: true }).think('', { redacted: true }).say('I notice a test.'),
  },
  'gemini-text': {
    reply: say('1, 2, 3', { chunks: 1 })
      .serviceTier('standard')
      .usage({ completion_tokens: 27, completion_tokens_details: { reasoning_tokens: 20 } }),
  },
  'gemini-call': {
    reply: think('', { redacted: true }).callTool('best_language_to_learn').serviceTier('standard'),
  },
  'gemini-thought': {
    reply: think(['**One**', '**Two**'], { chunks: 1 }).say('{"answer": 4}', { chunks: 2 }),
  },
  'chat-text': { reply: say('{"output":7}', { chunks: 5 }) },
  'chat-call': { reply: callTool('output', { output: 3 }, { pieces: 5 }).finish('stop') },
  'chat-refusal': { reply: refuse("I'm very sorry, but I can't assist with that request.") },
  'chat-length': {
    reply: say('').finish('length'),
    // a reasoning model has none
    differs: ['content+role: + .choices[].logprobs', 'length: + .choices[].logprobs'],
  },
}

describe.each(Object.entries(comparisons))('%s', (name, { reply, differs = [] }) => {
  const recording = recorded(name)
  const theirs = eventsOf(recording.sse)
  const ours = events(recording.api === 'chat' ? 'compatible' : recording.provider, reply, {
    model: recording.model,
    body: recording.request,
  }).map(({ data }) => data)

  test('the same events in the same order', () => {
    expect(sequence(ours)).toEqual(sequence(theirs))
  })

  test('the same members in each', () => {
    expect(differences(ours, theirs)).toEqual(differs)
  })
})

test('every recording is compared', () => {
  const rest = recordings.filter((name) => !(name in comparisons))
  expect(rest).toEqual(['anthropic-search', 'gemini-sources'])
})

test('a search by Anthropic is sent as it was recorded: use, result, cited text', () => {
  const reply = hostedTool('web_search', {
    input: { query: 'news' },
    output: [{ type: 'web_search_result', url: 'https://a.example', title: 'A' }],
  })
    .say('Cited.')
    .cite({ url: 'https://a.example', title: 'A' })
  const ours = new Set(sequence(events('anthropic', reply).map(({ data }) => data)))
  const theirs = new Set(sequence(eventsOf(recorded('anthropic-search').sse)))
  expect(theirs).toEqual(ours)
})

test('sources of Gemini are in the last response', () => {
  const reply = say('Pydantic AI Gateway is now available!', { chunks: 2 }).cite({
    url: 'https://ai.pydantic.dev',
    title: 'Pydantic AI',
  })
  const last = events('gemini', reply).at(-1)?.data
  const theirs = eventsOf(recorded('gemini-sources').sse).at(-1)
  const grounding = (event: unknown) =>
    JSON.stringify([...paths(event)].filter((path) => path.includes('grounding')).sort())
  expect(grounding(last)).toBe(grounding(theirs))
})

function recorded(name: string): Recording {
  // written by us
  return JSON.parse(readFileSync(new URL(`${name}.json`, folder), 'utf8')) as Recording
}

function eventsOf(sse: string): readonly unknown[] {
  return sse
    .split(/\r?\n/)
    .filter((line) => line.startsWith('data: '))
    .map((line) => line.slice('data: '.length))
    .map((data) => (data === '[DONE]' ? data : JSON.parse(data)))
}

/** The kind of an event, by the names of its wire. */
function kindOf(event: unknown): string {
  if (!isObject(event)) return String(event)
  const inner = [event.delta, event.content_block, event.item, event.part].find(isObject)
  if (typeof event.type === 'string') return `${event.type} ${inner?.type ?? ''}`.trim()
  if ('candidates' in event) return geminiKind(event)
  return chatKind(event)
}

function geminiKind({ candidates }: JsonObject): string {
  const [candidate] = candidates as JsonObject[]
  const { parts = [] } = (candidate?.content ?? {}) as { parts?: JsonObject[] }
  const names = parts.flatMap((part) => Object.keys(part)).sort()
  return `${names.join('+')} ${candidate?.finishReason ?? ''}`.trim()
}

function chatKind({ choices }: JsonObject): string {
  const [choice] = choices as JsonObject[]
  if (!choice) return 'usage'
  const delta = Object(choice.delta) as JsonObject
  const names = Object.keys(delta).filter((key) => delta[key] !== null)
  return `${names.sort().join('+')} ${choice.finish_reason ?? ''}`.trim()
}

/** Runs of one kind count once; pings are ignored. */
const sequence = (list: readonly unknown[]) =>
  list
    .map(kindOf)
    .filter((kind) => kind !== 'ping')
    .filter((kind, index, all) => kind !== all[index - 1])

function differences(ours: readonly unknown[], theirs: readonly unknown[]): readonly string[] {
  const mine = membersByKind(ours)
  const real = membersByKind(theirs)
  const out: string[] = []
  for (const [kind, members] of mine) {
    const others = real.get(kind) ?? new Set()
    for (const path of members) if (!others.has(path)) out.push(`${kind}: + ${path}`)
    for (const path of others) if (!members.has(path)) out.push(`${kind}: - ${path}`)
  }
  return out.filter((line) => !ofOthers.test(line))
}

function membersByKind(list: readonly unknown[]): ReadonlyMap<string, ReadonlySet<string>> {
  const members = new Map<string, Set<string>>()
  for (const event of list) {
    const kind = kindOf(event)
    const known = members.get(kind) ?? new Set()
    for (const path of paths(event)) known.add(path)
    members.set(kind, known)
  }
  return members
}

/** The names of all members, at any depth. Tools and schemas belong to the request. */
function paths(value: unknown, at = ''): ReadonlySet<string> {
  if (Array.isArray(value)) return new Set(value.flatMap((item) => [...paths(item, `${at}[]`)]))
  if (!isObject(value) || at.endsWith('.tools[]') || at.endsWith('.text')) return new Set([at])
  return new Set(
    Object.entries(value).flatMap(([key, member]) => [...paths(member, `${at}.${key}`)]),
  )
}
