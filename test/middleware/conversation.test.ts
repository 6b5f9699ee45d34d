import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text as textOf } from 'node:stream/consumers'
import { describe, expect, it } from 'vitest'
import { conversation } from '../../middleware/conversation.js'
import { standard } from '../../middleware/standard.js'
import { tool, tools } from '../../middleware/tools.js'
import type { Message, StreamChunk, UserPart } from '../../src/chat/index.js'
import { createClient } from '../../src/client.js'
import {
  AbortError,
  ConflictError,
  type Middleware,
  MisuseError,
  ServiceUnavailableError,
  StreamInterruptedError,
} from '../../src/core/index.js'
import { memoryStore, redisStore, type Store, sqliteStore } from '../../src/store/index.js'
import { say, scripted, start, untilAborted } from '../contract/scripted.js'
import { gate } from '../http/requests.js'
import { connectTo, faultyRedis } from '../store/faulty-redis.js'
import { withSilence } from '../store/silence.js'
import { DatabaseSync } from '../store/sqlite.js'
import { storesOver, useRedis } from '../store/use-redis.js'
import { call, thrown } from './script.js'

const text = (text: string): StreamChunk => ({ type: 'text-delta', text })
const user = (content: string): Message => ({ role: 'user', content })
const imageMessage = (name: string): Message => ({
  role: 'user',
  content: [
    { type: 'text', text: `caption ${name}` },
    { type: 'image_url', image_url: { url: 'data:image/png;base64,AAAA' } },
  ],
})
const modes = ['generate', 'stream'] as const

const redis = useRedis()

const stores = storesOver(redis)
const kinds = stores.flatMap(([name, open]) => modes.map((mode) => ({ mode, name, open })))

function talkIn(store: Store, replies: Parameters<typeof scripted>[0], more: object = {}) {
  const provider = scripted(replies)
  const use = [conversation({ store, id: 'c', ...more })]
  const ai = createClient({ providers: [provider], use })
  const kept = async () =>
    (await store.read('conversation:c', 0)).map((entry) => {
      const { role, content } = JSON.parse(entry)
      return `${role}: ${content}`
    })
  const ask = (mode: (typeof modes)[number], messages: readonly Message[], options = {}) => {
    const request = { model: 'scripted/m', messages }
    return mode === 'generate'
      ? ai.generate(request, options)
      : ai.stream(request, options).response
  }
  const seen = () =>
    provider.calls.map(({ request }) => request.messages.map(({ content }) => content))
  const sent = (index: number) => provider.calls[index]?.request.messages ?? []
  /** Number of image parts, per call. */
  const pictures = () =>
    provider.calls.map((_, index) => JSON.stringify(sent(index)).split('"image_url":{').length - 1)
  return { ai, ask, kept, seen, sent, pictures }
}

describe.each(kinds)('conversation, in $mode, over $name', ({ mode, open }) => {
  const startConversation = (...[replies, more]: [Parameters<typeof scripted>[0], object?]) =>
    talkIn(open(), replies, more)

  it('loads the history and appends the new messages, without instructions', async () => {
    const { ask, kept, seen } = startConversation([say('One'), say('Two')])
    await ask(mode, [{ role: 'system', content: 'Be short.' }, user('a')])
    await ask(mode, [{ role: 'system', content: 'Be long.' }, user('b')])
    expect(seen()).toEqual([
      ['Be short.', 'a'],
      ['Be long.', 'a', 'One', 'b'],
    ])
    expect(await kept()).toEqual(['user: a', 'assistant: One', 'user: b', 'assistant: Two'])
  })

  it('stores nothing of a call that failed before content', async () => {
    const { ask, kept } = startConversation([[new StreamInterruptedError('cut')]])
    await ask(mode, [user('a')]).catch(() => {})
    expect(await kept()).toEqual([])
  })

  it('stores the result of an approved tool call if the model fails after it', async () => {
    const calls = call([['c1', 'pay']])
    const provider = scripted([calls, [new StreamInterruptedError('cut')], say('Done')])
    const store = open()
    const pay = tool({ needsApproval: true, execute: () => 'paid' })
    const ai = createClient({
      providers: [provider],
      use: [conversation({ store, id: 'c' }), tools({ pay })],
    })
    const ask = (message: Message) => {
      const request = { model: 'scripted/m', messages: [message] }
      return mode === 'generate' ? ai.generate(request) : ai.stream(request).response
    }
    const { approvals } = await ask(user('Pay.'))
    const [{ id = '', tool_call_id = '' } = {}] = approvals ?? []
    await ask({ role: 'tool', tool_call_id, approval: { id, approved: true } }).catch(() => {})
    await ask(user('And?'))
    const last = provider.calls.at(-1)?.request.messages ?? []
    expect(last.map(({ role, content }) => `${role}: ${content}`)).toEqual([
      'user: Pay.',
      'assistant: null',
      'tool: paid',
      'user: And?',
    ])
  })

  it('a call within its own turn is refused, before and behind it not', async () => {
    const provider = scripted(['before', 'asked', 'behind'].map((answer) => say(answer)))
    const store = open()
    const seen: unknown[] = []
    const outer: Middleware = async (ctx, next) => {
      const nested = () => ctx.client.generate(ctx.request).then(({ text }) => seen.push(text))
      await nested()
      ctx.transform(async (chunk, emit) => {
        if (chunk.type === 'text-delta') await nested().catch((error) => seen.push(error))
        emit(chunk)
      })
      await next()
      await nested()
    }
    const use = [outer, conversation({ store, id: 'c' })]
    const ai = createClient({ providers: [provider], use })
    const request = { model: 'scripted/m', messages: [user('a')] }
    await (mode === 'generate' ? ai.generate(request) : ai.stream(request).response)
    expect(seen).toEqual(['before', expect.any(MisuseError), 'behind'])
    expect(await store.read('conversation:c', 0)).toHaveLength(6)
  })

  it('a turn that could not be released is free for the next call of the process', async () => {
    const store = open()
    const stuck: Store = { ...store, deleteIf: () => Promise.reject(new Error('down')) }
    // a turn that waits for the lease takes longer than the test may
    const { ask, kept } = talkIn(stuck, [say('One'), say('Two')], { leaseMs: 3_600_000 })
    await ask(mode, [user('a')])
    await ask(mode, [user('b')])
    expect(await kept()).toEqual(['user: a', 'assistant: One', 'user: b', 'assistant: Two'])
  })

  it('two at once: the second sees the first, in order', async () => {
    const { ask, seen } = startConversation([say('One'), say('Two'), say('Three')])
    await Promise.all(['a', 'b', 'c'].map((content) => ask(mode, [user(content)])))
    expect(seen()[2]).toEqual(['a', 'One', 'b', 'Two', 'c'])
  })

  it('three clients at once: each sees what the others have finished', async () => {
    const store = open()
    const clients = ['One', 'Two', 'Three'].map((answer) => talkIn(store, [say(answer)]))
    await Promise.all(clients.map(({ ask }, index) => ask(mode, [user(`${index}`)])))
    const sizes = clients.map(({ seen }) => seen()[0]?.length)
    expect(sizes.sort()).toEqual([1, 3, 5])
    expect(await clients[0]?.kept()).toHaveLength(6)
  })

  it('no id gives access to another conversation', async () => {
    const store = open()
    for (const id of ['c', 'c:turn', 'c'])
      await talkIn(store, [say('One')], { id }).ask(mode, [user(id)])
    const { kept } = talkIn(store, [])
    expect(await kept()).toEqual(['user: c', 'assistant: One', 'user: c', 'assistant: One'])
  })

  it('loads a limited number of messages, starting at a user message', async () => {
    const { ask, seen } = startConversation([say('One')], { maxMessages: 3 })
    for (const content of ['a', 'b', 'c']) await ask(mode, [user(content)])
    expect(seen()[2]).toEqual(['b', 'One', 'c'])
  })

  it('a waiting call leaves on abort, and the next one runs', async () => {
    const { ai, ask, seen } = startConversation((request) =>
      request.messages.length === 1 ? [start(), text('One'), untilAborted] : say('Three'),
    )
    const first = ai.stream({ model: 'scripted/m', messages: [user('a')] })
    const iterator = first[Symbol.asyncIterator]()
    await iterator.next()
    const controller = new AbortController()
    const second = ask(mode, [user('b')], { signal: controller.signal })
    const third = ask(mode, [user('c')])
    controller.abort()
    await expect(second).rejects.toBeInstanceOf(AbortError)
    first.abort()
    await third
    expect(seen()).toEqual([['a'], ['a', 'One', 'c']])
  })

  describe.each(['all', 'last', 'never'] as const)('media: %s', (media) => {
    const turns: readonly Message[][] = [
      [imageMessage('one'), imageMessage('two')],
      [user('thanks')],
      [imageMessage('three')],
      [user('and?')],
    ]
    const picturesOf: Readonly<Record<typeof media, readonly number[]>> = {
      all: [2, 2, 3, 3],
      last: [2, 2, 1, 1],
      never: [2, 0, 1, 0],
    }

    it('images are sent with their own turn; later turns contain them or a placeholder line', async () => {
      const { ask, pictures, seen } = startConversation([say('Seen')], { media })
      for (const messages of turns) await ask(mode, messages)
      expect(pictures()).toEqual(picturesOf[media])
      const lines = JSON.stringify(seen()[3]).match(/\[image\]/g)?.length ?? 0
      expect(lines).toBe(3 - (picturesOf[media][3] ?? 0))
      expect(JSON.stringify(seen()[3])).toContain('caption one')
    })

    it('the same over processes, one per turn, and with a limit on messages', async () => {
      const store = open()
      const counts: (number | undefined)[] = []
      for (const messages of turns) {
        const { ask, pictures } = talkIn(store, [say('Seen')], { media, maxMessages: 6 })
        await ask(mode, messages)
        counts.push(pictures()[0])
      }
      // the limit leaves out the first message
      expect(counts).toEqual(media === 'all' ? [2, 2, 3, 2] : picturesOf[media])
    })

    it('the store contains only the bytes that are sent again', async () => {
      const store = open()
      const { ask } = talkIn(store, [say('Seen')], { media })
      for (const messages of turns) await ask(mode, messages)
      const kept = [
        ...(await store.read('conversation:c', 0)),
        (await store.get('media:conversation:c')) ?? '',
      ].join('')
      expect(kept.match(/;base64,/g)?.length ?? 0).toBe(picturesOf[media][3])
    })

    it('generated media is handled the same way, with its native blocks', async () => {
      const image = 'data:image/png;base64,AAAA'
      const made: StreamChunk = { type: 'file', media_type: 'image/png', data: 'AAAA' }
      const native = { provider: 'scripted', model: 'm', content: [{ image }] }
      const { ask, sent } = startConversation(
        [[...say('Here', { native })].toSpliced(-1, 0, made), say('Fine')],
        { media },
      )
      await ask(mode, [user('draw')])
      await ask(mode, [imageMessage('four')])
      const answer = sent(1).find(({ role }) => role === 'assistant')
      if (media === 'all') expect(answer).toMatchObject({ images: [{}], native: { content: [{}] } })
      else
        expect(answer).toEqual({
          role: 'assistant',
          content: 'Here\n[image]',
          native: { provider: 'scripted', model: 'm' },
        })
    })
  })

  it('media stored in full before becomes a line when the option changes', async () => {
    const store = open()
    await talkIn(store, [say('Seen')], { media: 'all' }).ask(mode, [imageMessage('one')])
    const { ask, pictures, seen } = talkIn(store, [say('Seen')], { media: 'never' })
    await ask(mode, [user('and?')])
    expect(pictures()).toEqual([0])
    expect(JSON.stringify(seen())).toContain('[image]')
  })

  it('a line names the kind of media it replaces', async () => {
    const { ask, seen } = startConversation([say('Seen')], { media: 'never' })
    const file = (file: object) => ({ type: 'file', file }) as const
    const content: UserPart[] = [
      { type: 'input_audio', input_audio: { data: 'AAAA', format: 'wav' } },
      file({ file_data: 'data:video/mp4;base64,AAAA' }),
      file({ file_data: 'AAAA', filename: 'bill.pdf', format: 'application/pdf' }),
      file({ file_id: 'file-1' }),
    ]
    await ask(mode, [{ role: 'user', content }])
    await ask(mode, [user('and?')])
    const lines = ['[audio]', '[video]', '[file: bill.pdf]', '[file]']
    expect(seen()[1]?.[0]).toEqual(lines.map((text) => ({ type: 'text', text })))
  })

  it('rejects a call without an id', async () => {
    await expect(
      startConversation([say('One')], { id: () => '' }).ask(mode, [user('a')]),
    ).rejects.toThrow(MisuseError)
  })
})

describe('conversation', () => {
  it.each(stores)(
    'stores the partial response of a stream whose reader stopped: %s',
    async (_, open) => {
      const { ai, kept } = talkIn(open(), [[start(), text('Half'), untilAborted]])
      for await (const chunk of ai.stream({ model: 'scripted/m', messages: [user('a')] }))
        if (chunk.type === 'text-delta') break
      expect(await kept()).toEqual(['user: a', 'assistant: Half'])
    },
  )

  it('has its place in the stack', () => {
    const layer = conversation({ store: memoryStore(), id: 'c' })
    const names = standard({ with: [layer] }).map(({ name }) => name)
    expect(names.indexOf('conversation')).toBe(names.indexOf('history') - 1)
  })
})

describe.each(kinds)('a conversation that $name cannot store, in $mode', ({ mode, open }) => {
  const failing = (store: Store): Store => ({
    ...store,
    append: (key, entries, options) =>
      entries.length > 0
        ? Promise.reject(new Error('disk full'))
        : store.append(key, entries, options),
  })

  it('is an error of its own if the response was complete', async () => {
    const { ask } = talkIn(failing(open()), [say('One')])
    const error = await ask(mode, [user('a')]).catch((thrown: unknown) => thrown)
    expect(error).toBeInstanceOf(ServiceUnavailableError)
    expect(error).toMatchObject({ code: 'store_unavailable', partial: { text: 'One' } })
  })

  it('does not replace the error of the call', async () => {
    const cut = [start(), text('Half'), new StreamInterruptedError('cut')]
    const error = await talkIn(failing(open()), [cut])
      .ask(mode, [user('a')])
      .catch((thrown: unknown) => thrown)
    expect(error).toBeInstanceOf(StreamInterruptedError)
  })
})

describe.each([
  ['ioredis', 'before'],
  ['ioredis', 'after'],
  ['node-redis', 'before'],
  ['node-redis', 'after'],
] as const)('a connection of %s that is reset %s a command', (client, when) => {
  it.each(modes)('in %s: the conversation is whole, and the next call goes on', async (mode) => {
    const faulty = await faultyRedis(redis.port)
    for (let index = 0, isOver = false; !isOver; index++) {
      const { store, close } = await connectTo(client, faulty.port)
      await store.get('connected')
      const { ask, kept } = talkIn(store, [say('One'), say('Two')], { leaseMs: 3_600_000 })
      faulty.resetAt(index, when)
      const error = await thrown(ask(mode, [user('a')]))
      isOver = faulty.isArmed
      faulty.resetAt(-1, when)
      // what failed before the provider was called is not in the store
      const lines = error ? [] : ['user: a', 'assistant: One']
      if (error) expect(error).toMatchObject({ code: 'store_unavailable', attempts: [] })
      // ioredis sends a command again
      if (client === 'ioredis') expect(error).toBeUndefined()
      expect(await kept()).toEqual(lines)
      await ask(mode, [user('b')])
      expect(await kept()).toEqual([...lines, 'user: b', expect.stringMatching(/^assistant: /)])
      close()
    }
    await faulty.close()
  })
})

describe.each(kinds)('a turn whose lease expired, in $mode, over $name', ({ mode, open }) => {
  /**
   * A call that pauses in the middle of its response; its lease expires, as after a pause of its
   * process.
   */
  const pausedIn = async (store: Store) => {
    let go = () => {}
    const gate = new Promise<void>((resolve) => {
      go = resolve
    })
    let arrive = () => {}
    const arrived = new Promise<void>((resolve) => {
      arrive = resolve
    })
    const [begin, half, ...rest] = [start(), text('Half'), text(' and half'), ...say('').slice(-1)]
    const replies = [[begin, half, () => arrive(), () => gate, ...rest]]
    const answer = talkIn(store, replies)
      .ask(mode, [user('a')])
      .catch((thrown: unknown) => thrown)
    await arrived
    await store.delete('turn:conversation:c')
    return { answer, go }
  }

  it('continues if no other call took the turn', async () => {
    const store = open()
    const { answer, go } = await pausedIn(store)
    go()
    expect(await answer).toMatchObject({ text: 'Half and half' })
    expect(await talkIn(store, []).kept()).toEqual(['user: a', 'assistant: Half and half'])
  })

  it('is rejected if another call has the turn, and nothing is mixed', async () => {
    const store = open()
    const { answer, go } = await pausedIn(store)
    const next = talkIn(store, [say('Two')])
    await next.ask(mode, [user('b')])
    go()
    const error = await answer
    expect(error).toBeInstanceOf(ConflictError)
    expect(error).toMatchObject({ code: 'conversation_overtaken' })
    // what a stream has emitted is stored
    const before = mode === 'stream' ? ['user: a', 'assistant: Half'] : []
    expect(await next.kept()).toEqual([...before, 'user: b', 'assistant: Two'])
  })

  it('is rejected while another call still has it', async () => {
    const store = open()
    const first = await pausedIn(store)
    const second = await pausedIn(store)
    await store.set('turn:conversation:c', 'second', { ttlMs: 60_000 })
    first.go()
    expect(await first.answer).toBeInstanceOf(ConflictError)
    await store.delete('turn:conversation:c')
    second.go()
    expect(await second.answer).toMatchObject({ text: 'Half and half' })
  })
})

describe.each(DatabaseSync ? ['redis', 'SQLite'] : ['redis'])('processes over %s', (kind) => {
  const child = new URL('./conversation-child.ts', import.meta.url).pathname
  const within = async (run: (place: string, store: Store) => Promise<void>) => {
    if (kind === 'redis') {
      await redis.client.flushall()
      return run(String(redis.port), redisStore(redis.client))
    }
    const folder = mkdtempSync(join(tmpdir(), 'conversation-'))
    if (!DatabaseSync) throw new Error('looked above')
    const db = new DatabaseSync(join(folder, 'c.db'))
    await run(join(folder, 'c.db'), sqliteStore(db)).finally(() => {
      db.close()
      rmSync(folder, { recursive: true })
    })
  }
  const run = (place: string, ...args: readonly string[]): ChildProcess =>
    spawn(process.execPath, ['--import', 'tsx', child, kind, place, ...args], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
  const output = ({ stdout }: ChildProcess) => {
    if (!stdout) throw new Error('piped above')
    return stdout
  }

  it('two at once: each call sees all earlier turns complete, and those of one process in order', () =>
    within(async (place, store) => {
      const children = ['x', 'y'].map((name) => run(place, 'talk', name))
      const outputs = await Promise.all(children.map((one) => textOf(output(one))))
      const seen: number[] = outputs.flatMap((line) => JSON.parse(line))
      expect(seen.toSorted((a, b) => a - b)).toEqual([1, 3, 5, 7, 9, 11])
      const kept = await talkIn(store, []).kept()
      const asked = kept.filter((_, index) => index % 2 === 0)
      expect(kept.filter((_, index) => index % 2 === 1)).toEqual(Array(6).fill('assistant: Yes.'))
      for (const name of ['x', 'y'])
        expect(asked.filter((line) => line.includes(name))).toEqual(
          [0, 1, 2].map((at) => `user: ${name}${at}`),
        )
    }))

  it.each([
    ['between the answer and its append', 'whole', ['user: Count.', 'assistant: One two.']],
    ['in the middle of the answer', 'middle', ['user: Count.', 'assistant: One two.']],
    ['behind a tool', 'step', ['user: Count.', 'assistant: null', 'tool: found']],
  ] as const)('one that is killed %s loses nothing that its client received', (_, mode, wanted) =>
    within(async (place, store) => {
      const killed = run(place, mode)
      let shown = ''
      for await (const piece of output(killed)) {
        shown += piece
        if (/two\.|found/.test(shown)) break
      }
      killed.kill('SIGKILL')
      await once(killed, 'exit')
      const { ask, kept, seen } = talkIn(store, [say('Next.')])
      await ask('generate', [user('And?')])
      expect(await kept()).toEqual([...wanted, 'user: And?', 'assistant: Next.'])
      expect(seen()[0]).toHaveLength(wanted.length + 1)
      // no draft and no lock is left behind
      expect(await store.get('draft:conversation:c')).toBeUndefined()
      expect(await store.get('turn:conversation:c')).toBeUndefined()
    }),
  )
})

it('runs one call at a time, also after a call that was aborted while it waited', async () => {
  let running = 0
  let most = 0
  let go = () => {}
  const first = new Promise<void>((resolve) => {
    go = resolve
  })
  const gate: Middleware = async (_ctx, next) => {
    most = Math.max(most, ++running)
    await first
    await next()
    running--
  }
  const store = memoryStore()
  const ai = createClient({
    providers: [scripted([say('a'), say('b')])],
    use: [conversation({ store, id: 'c' }), gate],
  })
  const request = { model: 'scripted/m', messages: [user('hi')] }
  const controller = new AbortController()
  const earlier = ai.generate(request)
  const aborted = thrown(ai.generate(request, { signal: controller.signal }))
  controller.abort()
  expect(await aborted).toBeInstanceOf(AbortError)
  const later = ai.generate(request)
  await new Promise((resolve) => setTimeout(resolve, 20))
  expect(most).toBe(1)
  go()
  await Promise.all([earlier, later])
  expect(most).toBe(1)
  expect(await store.get('turn:conversation:c')).toBeUndefined()
})

it('leaves no draft of a call that was aborted while it was written, at any step of it', async () => {
  for (let steps = 0; steps < 60; steps++) {
    const memory = memoryStore()
    const gone = new AbortController()
    const store: Store = {
      ...memory,
      async set(key, ...rest) {
        gone.abort()
        for (let step = 0; step < steps; step++) await undefined
        await memory.set(key, ...rest)
      },
    }
    const { ask, kept } = talkIn(store, [say('One two')])
    const error = await thrown(ask('stream', [user('a')], { signal: gone.signal }))
    expect(error).toBeInstanceOf(AbortError)
    expect(await kept()).toEqual(['user: a', 'assistant: One '])
    expect(memory.size, `after ${steps} steps`).toBe(1)
  }
})

it('a Redis that stops in the middle of a stream delays it once, for two seconds, and gets all of it at the end', () =>
  withSilence(async ({ store, server, within }) => {
    const [begin, ...rest] = say('One two three four')
    const finish = rest.pop()
    if (!begin || !finish) throw new Error('a reply has a start and a finish')
    const [first, ...others] = rest
    const back = gate()
    const pause = () => server.pause()
    const steps = [[begin, first ?? begin, pause, ...others, () => back.opened, finish]]
    const { ai, kept } = talkIn(store, steps)
    const stream = ai.stream({ model: 'scripted/m', messages: [user('Count')] })
    const texts = stream.textStream[Symbol.asyncIterator]()
    const read = async () => {
      const all: (string | undefined)[] = []
      while (all.length < 4) all.push((await texts.next()).value)
      return all
    }
    expect(await within(8_000, read())).toEqual(['One ', 'two ', 'three ', 'four'])
    server.resume()
    back.open()
    expect((await within(5_000, texts.next())).done).toBe(true)
    expect(await kept()).toEqual(['user: Count', 'assistant: One two three four'])
    expect(await store.get('draft:conversation:c')).toBeUndefined()
  }))
