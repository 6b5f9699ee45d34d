/** The guarantees of an inbox, with a fake clock. */
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { expect, it } from 'vitest'
import {
  AbortError,
  MisuseError,
  ServiceUnavailableError,
  TimeoutError,
} from '../../src/core/index.js'
import { createInbox } from '../../src/inbox/index.js'
import { memoryStore, type Store } from '../../src/store/index.js'
import { bench, gate, type Letter, letter, mortal, settle, wrap } from './bench.js'

const idsOf = (told: readonly { readonly ids: string }[]) => told.map(({ ids }) => ids)

it('consecutive messages form one turn after the quiet period', async () => {
  const { open, pass, answered } = bench()
  const inbox = open()
  for (const id of ['a1', 'a2', 'a3']) {
    expect(await inbox.add(letter(id))).toBe('kept')
    await pass(1_400)
  }
  expect(answered).toEqual([])
  await pass(200)
  expect(idsOf(answered)).toEqual(['a1 a2 a3'])
})

it('a sender who never pauses is answered after the longest quiet period', async () => {
  const { open, pass, answered } = bench({ maxQuietMs: 5_000 })
  const inbox = open()
  for (let i = 1; i <= 7; i++) {
    await inbox.add(letter(`a${i}`))
    await pass(1_000)
  }
  expect(idsOf(answered)).toEqual(['a1 a2 a3 a4 a5'])
  await pass(2_000)
  expect(idsOf(answered)).toEqual(['a1 a2 a3 a4 a5', 'a6 a7'])
})

it('messages that arrive while an answer is generated wait for the next turn', async () => {
  const first = gate()
  const { open, pass, answered } = bench({ answer: () => first.opened })
  const inbox = open()
  await inbox.add(letter('a1'))
  await pass(2_000)
  await inbox.add(letter('a2'))
  await inbox.add(letter('b1'))
  await pass(90_000)
  expect(idsOf(answered)).toEqual(['a1', 'b1'])
  await inbox.add(letter('a3'))
  first.open()
  await pass(1_600)
  expect(idsOf(answered)).toEqual(['a1', 'b1', 'a2 a3'])
})

it('a turn is ordered by sending time, then by arrival', async () => {
  const { open, pass, answered, clock } = bench()
  const inbox = open()
  const now = clock.now()
  await inbox.add(letter('a4', now - 1_000))
  await inbox.add(letter('a1', now - 3_000))
  await inbox.add(letter('a5', Number.NaN))
  await inbox.add(letter('a2', now - 2_000))
  await inbox.add(letter('a3', now - 2_000))
  await pass(2_000)
  expect(idsOf(answered)).toEqual(['a1 a2 a3 a4 a5'])
})

it('a message is answered once, however often and wherever it is delivered', async () => {
  const { open, pass, answered, clock } = bench()
  const [one, other] = [open(), open()]
  const results = await Promise.all(
    [one, other, one, other].map((inbox) => inbox.add(letter('a1'))),
  )
  expect([...results].sort()).toEqual(['duplicate', 'duplicate', 'duplicate', 'kept'])
  await pass(2_000)
  expect(await other.add(letter('a1'))).toBe('duplicate')
  await Promise.all([one.close(), other.close()])
  clock.advance(7 * 86_400_000)
  expect(await open().add(letter('a1'))).toBe('duplicate')
  await pass(2_000)
  expect(idsOf(answered)).toEqual(['a1'])
})

it('an id is remembered for the configured time', async () => {
  const { open, pass, answered } = bench({ rememberMs: 60_000 })
  const inbox = open()
  await inbox.add(letter('a1'))
  await pass(59_000)
  expect(await inbox.add(letter('a1'))).toBe('duplicate')
  await pass(62_000)
  expect(await inbox.add(letter('a1'))).toBe('kept')
  await pass(2_000)
  expect(idsOf(answered)).toEqual(['a1', 'a1'])
})

it('the number of waiting messages is limited; a full key is answered at once, and reported once', async () => {
  const held = gate()
  const { open, pass, answered, full } = bench({ maxWaiting: 3, answer: () => held.opened })
  const inbox = open()
  for (const id of ['a1', 'a2', 'a3']) await inbox.add(letter(id))
  await pass(100)
  expect(idsOf(answered)).toEqual(['a1 a2 a3'])
  const results: string[] = []
  for (const id of ['a4', 'a5', 'a6', 'a7', 'a8', 'a7']) results.push(await inbox.add(letter(id)))
  expect(results).toEqual(['kept', 'kept', 'kept', 'full', 'full', 'duplicate'])
  expect(await inbox.add(letter('b1'))).toBe('kept')
  held.open()
  await pass(2_000)
  expect(idsOf(answered)).toEqual(['a1 a2 a3', 'a4 a5 a6', 'b1'])
  for (const id of ['a4', 'a8']) expect(await inbox.add(letter(id))).toBe('duplicate')
  for (const id of ['a10', 'a11', 'a12', 'a13']) await inbox.add(letter(id))
  expect(full).toEqual([
    { id: 'a7', isFirst: true },
    { id: 'a8', isFirst: false },
    { id: 'a13', isFirst: true },
  ])
})

it('messages that arrive at once exceed no limit and none is lost', async () => {
  const { open, pass, answered, full } = bench({ maxWaiting: 10 })
  const [one, other] = [open(), open()]
  const ids = Array.from({ length: 40 }, (_, index) => `a${index}`)
  const results = await Promise.all(
    ids.map((id, index) => (index % 2 ? one : other).add(letter(id))),
  )
  expect(results.filter((result) => result === 'kept')).toHaveLength(10)
  expect(full.filter(({ isFirst }) => isFirst)).toHaveLength(1)
  await pass(2_000)
  expect(answered.flatMap(({ ids }) => ids.split(' '))).toHaveLength(10)
})

it('messages that are too old are recorded and not answered, even if they aged in the inbox', async () => {
  const { open, pass, answered, expired, clock } = bench({ maxAgeMs: 60_000 })
  const inbox = open()
  await inbox.add(letter('a1', clock.now() - 70_000))
  await inbox.add(letter('a2', clock.now() - 30_000))
  await inbox.add(letter('b1', clock.now() - 90_000))
  await pass(2_000)
  expect(idsOf(expired)).toEqual(['a1', 'b1'])
  expect(idsOf(answered)).toEqual(['a2'])
  expect(expired[0]?.turn.id).toBe(answered[0]?.turn.id)
  await inbox.close()
  await inbox.add(letter('c1'))
  clock.advance(70_000)
  expect(await open().add(letter('c1'))).toBe('duplicate')
  await pass(2_000)
  expect(idsOf(expired)).toEqual(['a1', 'b1', 'c1'])
})

it('messages recorded as too old are not recorded again when the answer fails', async () => {
  let failures = 1
  const { open, pass, answered, expired, clock } = bench({
    maxAgeMs: 60_000,
    answer: () => {
      if (failures-- > 0) throw new Error('no')
    },
  })
  const inbox = open()
  await inbox.add(letter('a1', clock.now() - 70_000))
  await inbox.add(letter('a2'))
  await pass(5_000)
  expect(idsOf(expired)).toEqual(['a1'])
  expect(idsOf(answered)).toEqual(['a2', 'a2'])
})

it('a turn that fails is retried with growing waits and the same id, then passed to onError', async () => {
  const { open, pass, answered, errors, clock } = bench({
    answer: (messages, { attempt }) => {
      times.push(clock.now())
      if (messages[0]?.id === 'a1') throw new Error(`attempt ${attempt}`)
    },
  })
  const times: number[] = []
  const inbox = open()
  await inbox.add(letter('a1'))
  await pass(1_600)
  expect(idsOf(answered)).toEqual(['a1'])
  await inbox.add(letter('a2'))
  await inbox.add(letter('b1'))
  await pass(30_000)
  expect(idsOf(answered)).toEqual(['a1', 'a1', 'b1', 'a1', 'a2'])
  const own = answered.filter(({ ids }) => ids === 'a1').map(({ turn }) => turn)
  expect(new Set(own.map(({ id }) => id)).size).toBe(1)
  expect(own.map(({ attempt }) => attempt)).toEqual([1, 2, 3])
  expect((times[1] ?? 0) - (times[0] ?? 0)).toBeGreaterThanOrEqual(1_000)
  expect((times[3] ?? 0) - (times[1] ?? 0)).toBeGreaterThanOrEqual(4_000)
  expect(errors).toEqual([{ error: new Error('attempt 3'), ids: 'a1' }])
})

it.each([undefined, null, false, 0, 'x', {}])(
  'whatever a turn rejects with, its attempts are limited: %j',
  async (reason) => {
    const { open, pass, answered, errors } = bench({ answer: () => Promise.reject(reason) })
    await open().add(letter('a1'))
    await pass(60_000)
    expect(answered.map(({ turn }) => turn.attempt)).toEqual([1, 2, 3])
    expect(errors).toEqual([{ error: reason, ids: 'a1' }])
  },
)

it('an onError that throws, rejects or hangs blocks nothing', async () => {
  const outcomes = [
    () => {
      throw new Error('x')
    },
    () => Promise.reject(new Error('x')),
    () => new Promise(() => {}),
  ]
  for (const onError of outcomes) {
    const { open, pass, answered } = bench({
      attempts: 1,
      timeoutMs: 10_000,
      onError,
      answer: ([message]) => {
        if (message?.id === 'a1') throw new Error('no')
      },
    })
    const inbox = open()
    await inbox.add(letter('a1'))
    await pass(2_000)
    await inbox.add(letter('a2'))
    await pass(60_000)
    expect(idsOf(answered)).toEqual(['a1', 'a2'])
  }
})

it('an answer that hangs is aborted, retried, and never blocks its key for ever', async () => {
  const signals: AbortSignal[] = []
  const { open, pass, answered, errors } = bench({
    timeoutMs: 20_000,
    attempts: 2,
    answer: ([message], { signal }) => {
      signals.push(signal)
      // ignores its signal
      if (message?.id === 'a1') return new Promise(() => {})
      return undefined
    },
  })
  const inbox = open()
  await inbox.add(letter('a1'))
  await pass(23_000)
  expect(signals[0]?.reason).toBeInstanceOf(TimeoutError)
  await inbox.add(letter('a2'))
  await pass(60_000)
  expect(idsOf(answered)).toEqual(['a1', 'a1', 'a2'])
  expect(errors).toEqual([{ error: expect.any(TimeoutError), ids: 'a1' }])
})

it('the number of concurrent turns is limited, and all of them run', async () => {
  let running = 0
  let most = 0
  const { open, pass, answered } = bench({
    concurrency: 50,
    answer: async () => {
      most = Math.max(most, ++running)
      await settle()
      running--
    },
  })
  const inbox = open({ key: ({ id }) => id })
  const people = Array.from({ length: 1_000 }, (_, index) => letter(`p${index}`))
  await Promise.all(people.map((message) => inbox.add(message)))
  await pass(10_000)
  expect(most).toBe(50)
  expect(answered).toHaveLength(1_000)
  expect(new Set(idsOf(answered)).size).toBe(1_000)
})

it('memory use is constant, however many turns were answered', async () => {
  const { open, pass, answered } = bench({ rememberMs: 60_000, quietMs: 0 })
  const inbox = open({ key: ({ id }) => id })
  const run = async (turns: number, name: string) => {
    for (let from = 0; from < turns; from += 50) {
      const picture = 'x'.repeat(50_000)
      const ids = Array.from({ length: 50 }, (_, index) => `${name}${from + index}`)
      await Promise.all(ids.map((id) => inbox.add({ ...letter(id), picture: picture + id })))
      await pass(200)
      expect(answered).toHaveLength(50)
      answered.length = 0
    }
    // ids expire, and are swept with the next message
    await pass(80_000)
    await inbox.add(letter(`${name}-end`))
    await pass(100)
    answered.length = 0
    return heapUsed()
  }
  const before = await run(500, 'a')
  const after = await run(2_000, 'b')
  // 100 MB were processed
  expect(after - before).toBeLessThan(20_000_000)
}, 60_000)

it('a turn that loses its lock is aborted, and its later writes have no effect', async () => {
  const late = gate()
  const signals: AbortSignal[] = []
  const { open, pass, answered, store } = bench()
  const first = open({
    // accepts nothing more
    store: {
      ...store,
      claim: async (queue, options) =>
        signals.length > 0 ? [] : ((await store.claim?.(queue, options)) ?? []),
    },
    answer: (_, { signal }) => {
      signals.push(signal)
      return late.opened
    },
  })
  await first.add(letter('a1'))
  await pass(2_000)
  await store.delete('inbox:lock:a')
  const held = gate()
  const second = open({ answer: () => held.opened })
  await second.resume()
  await pass(15_000)
  expect(signals[0]?.reason).toMatchObject({ name: 'AbortError', code: 'lease_lost' })
  await pass(30_000)
  expect(idsOf(answered)).toEqual(['a1', 'a1'])
  expect(answered[0]?.turn.id).toBe(answered[1]?.turn.id)
  late.open()
  await pass(1_000)
  // still held by the second inbox
  expect(await store.get('inbox:turn:a')).toContain(answered[1]?.turn.id)
  held.open()
  await pass(60_000)
  expect(await store.get('inbox:turn:a')).toBeUndefined()
  expect(answered).toHaveLength(2)
})

it('a long answer keeps its lock, and no other process starts it', async () => {
  const long = gate()
  const { open, pass, answered } = bench({ answer: () => long.opened, timeoutMs: 1e9 })
  const [one, other] = [open(), open()]
  await Promise.all([one.resume(), other.resume()])
  await one.add(letter('a1'))
  await pass(600_000)
  await other.add(letter('a2'))
  await pass(100_000)
  expect(idsOf(answered)).toEqual(['a1'])
  long.open()
  await pass(11_000)
  expect(idsOf(answered)).toEqual(['a1', 'a2'])
}, 60_000)

it('clocks that differ by an hour delay nothing', async () => {
  let failures = 1
  const { open, pass, answered, clock } = bench({
    answer: ([message]) => {
      if (message?.id === 'a1' && failures-- > 0) throw new Error('no')
      return message?.id === 'b1' ? held.opened : undefined
    },
  })
  const held = gate()
  const ahead = open()
  await ahead.add(letter('a1'))
  await pass(1_600)
  await ahead.close()
  const behind = open({ clock: { ...clock, now: () => clock.now() - 3_600_000 } })
  await behind.add(letter('b1'))
  await pass(3_000)
  await ahead.add(letter('b2'))
  held.open()
  await pass(3_000)
  expect(idsOf(answered)).toEqual(['a1', 'a1', 'b1', 'b2'])
})

it('close finishes running turns, starts none, and keeps messages that arrive later', async () => {
  const held = gate()
  const { open, pass, answered, clock } = bench({ answer: () => held.opened })
  const inbox = open()
  await inbox.add(letter('a1'))
  await pass(2_000)
  await inbox.add(letter('b1'))
  let isClosed = false
  const closing = inbox.close().then(() => {
    isClosed = true
  })
  expect(await inbox.add(letter('a2'))).toBe('kept')
  await pass(15_000)
  expect([isClosed, idsOf(answered)]).toEqual([false, ['a1']])
  held.open()
  await settle()
  await closing
  expect(clock.pending()).toBe(0)
  await pass(5_000)
  expect(idsOf(answered)).toEqual(['a1'])
  const next = open()
  await next.resume()
  await pass(1_000)
  expect(idsOf(answered).sort()).toEqual(['a1', 'a2', 'b1'])
  await next.close()
})

it('a turn that does not finish in time is aborted, and another process takes it over at once', async () => {
  const { open, pass, answered } = bench()
  const reasons: unknown[] = []
  const inbox = open({
    answer: (_, { signal }) =>
      new Promise((_resolve, reject) => {
        signal.addEventListener('abort', () => reject(signal.reason))
        signal.addEventListener('abort', () => reasons.push(signal.reason))
      }),
  })
  await inbox.add(letter('a1'))
  await pass(2_000)
  const closing = inbox.close({ graceMs: 3_000 })
  await pass(3_100)
  await closing
  expect(reasons).toEqual([expect.any(AbortError)])
  await open().resume()
  await pass(100)
  expect(idsOf(answered)).toEqual(['a1', 'a1'])
  expect(answered.map(({ turn }) => turn.attempt)).toEqual([1, 1])
  expect(answered[0]?.turn.id).toBe(answered[1]?.turn.id)
})

/** A store that holds one of its operations, counted from `begin()` on, until the gate is open. */
function holding(store: Store, operation: number) {
  const held = gate()
  let left = Infinity
  return {
    store: wrap(store, () => (--left === 0 ? held.opened : undefined)),
    begin: () => {
      left = operation
    },
    isHeld: () => left <= 0,
    open: held.open,
  }
}

it('a message that comes at any step of the end of a turn does not wait for a lease', async () => {
  for (let operation = 1; ; operation++) {
    const { open, pass, answered, store } = bench({ quietMs: 0, pollMs: 1_000_000 })
    const slow = holding(store, operation)
    const inbox = open({ store: slow.store, answer: () => slow.begin() })
    await inbox.add(letter('a1'))
    await pass(100)
    if (!slow.isHeld()) break
    await inbox.add(letter('a2'))
    await pass(100)
    slow.open()
    await pass(200)
    expect(idsOf(answered), `operation ${operation}`).toEqual(['a1', 'a2'])
    await inbox.close()
  }
})

it('close stops a turn at any step of it, and another process takes it over at once', async () => {
  for (let operation = 1; ; operation++) {
    const { open, pass, answered, store } = bench()
    const slow = holding(store, operation)
    const inbox = open({
      store: slow.store,
      answer: (_, { signal }) =>
        new Promise((_resolve, reject) => {
          signal.addEventListener('abort', () => reject(signal.reason))
        }),
    })
    await inbox.add(letter('a1'))
    slow.begin()
    await pass(2_000)
    if (!slow.isHeld()) break
    let isClosed = false
    const closing = inbox.close({ graceMs: 100 }).then(() => {
      isClosed = true
    })
    await pass(200)
    slow.open()
    await pass(100)
    expect(isClosed, `operation ${operation}`).toBe(true)
    await closing
    const before = answered.length
    const next = open()
    await next.resume()
    await pass(100)
    expect(idsOf(answered.slice(before)), `operation ${operation}`).toEqual(['a1'])
    await next.close()
  }
})

it('a turn without attempts left is reported, at whatever step its process is closed', async () => {
  for (let operation = 1; ; operation++) {
    const { open, pass, errors, store } = bench({ attempts: 1 })
    const dying = mortal(store)
    await open({ store: dying.store, answer: dying.kill }).add(letter('a1'))
    await pass(60_000)
    const slow = holding(store, operation)
    const inbox = open({ store: slow.store })
    slow.begin()
    void inbox.resume()
    await pass(100)
    if (!slow.isHeld()) break
    const closing = inbox.close({ graceMs: 100 })
    await pass(200)
    slow.open()
    await pass(100)
    await closing
    const next = open()
    await next.resume()
    await pass(60_000)
    const ids = errors.map(({ ids }) => ids)
    expect(ids, `operation ${operation}`).toEqual(['a1'])
    await next.close()
  }
})

it('close ends although an answer ignores its signal', async () => {
  const { open, pass } = bench()
  const inbox = open({ answer: () => new Promise(() => {}) })
  await inbox.add(letter('a1'))
  await pass(2_000)
  const closing = inbox.close({ graceMs: 1_000 })
  await pass(10_000)
  await closing
})

it('a turn that crashes its process repeatedly is given up like others', async () => {
  const { open, pass, answered, errors, store } = bench()
  for (let process = 1; process <= 3; process++) {
    const dying = mortal(store)
    await open({ store: dying.store, answer: dying.kill }).add(letter('a1'))
    await open({ store: dying.store, answer: dying.kill })
      .resume()
      .catch(() => {})
    await pass(60_000)
  }
  expect(answered.map(({ turn }) => turn.attempt)).toEqual([1, 2, 3])
  await open().resume()
  await pass(60_000)
  expect(answered).toHaveLength(3)
  expect(errors.filter(({ ids }) => ids === 'a1')).toEqual([
    { error: expect.objectContaining({ code: 'process_lost' }), ids: 'a1' },
  ])
})

it('an answered turn is not answered again because the store was unavailable', async () => {
  const { open, pass, answered, store } = bench()
  let isAway = false
  const flaky = wrap(store, () => {
    if (isAway) throw new Error('away')
  })
  const inbox = open({
    store: flaky,
    answer: () => {
      isAway = true
    },
  })
  await inbox.add(letter('a1'))
  await pass(10_000)
  isAway = false
  await pass(60_000)
  expect(idsOf(answered)).toEqual(['a1'])
  expect(await store.get('inbox:turn:a')).toBeUndefined()
})

it('a store that is down rejects messages, and is reported once; then everything resumes', async () => {
  const { open, pass, answered, errors, store } = bench()
  let isAway = false
  const flaky = wrap(store, () => {
    if (isAway) throw new Error('away')
  })
  const inbox = open({ store: flaky })
  await inbox.add(letter('a1'))
  isAway = true
  await expect(inbox.add(letter('a2'))).rejects.toBeInstanceOf(ServiceUnavailableError)
  await expect(inbox.resume()).rejects.toBeInstanceOf(ServiceUnavailableError)
  await pass(20_000)
  expect(errors).toEqual([{ error: expect.any(ServiceUnavailableError), ids: undefined }])
  isAway = false
  await pass(7_000)
  expect(await inbox.add(letter('a2'))).toBe('kept')
  await pass(2_000)
  expect(idsOf(answered)).toEqual(['a1', 'a2'])
})

it('key names and ids may be any text', async () => {
  const { open, pass, answered } = bench()
  const inbox = open()
  for (const name of ['__proto__', 'a:b', 'ä😀', ' ', 'constructor'])
    await inbox.add({ id: name, chat: name })
  await pass(2_000)
  expect(answered.map(({ turn }) => turn.key).sort()).toEqual(
    ['__proto__', 'a:b', 'ä😀', ' ', 'constructor'].sort(),
  )
})

it('two inboxes of one store are separate if their names differ', async () => {
  const { open, pass, answered } = bench()
  for (const name of ['one', 'two']) expect(await open({ name }).add(letter('a1'))).toBe('kept')
  await pass(2_000)
  expect(idsOf(answered)).toEqual(['a1', 'a1'])
})

it('an invalid configuration is a MisuseError with instructions', async () => {
  const { open, store } = bench()
  expect(() => open({ concurrency: 0 })).toThrow(/concurrency/)
  expect(() => open({ quietMs: Number.NaN })).toThrow(MisuseError)
  expect(() => createInbox({ store: memoryStore() } as never)).toThrow(/`id`, a function/)
  const { get, set, setIfAbsent, increment, delete: remove, append, read } = store
  const small: Store = { get, set, setIfAbsent, increment, delete: remove, append, read }
  expect(() => open({ store: small })).toThrow(/createInbox\(\).*schedule\(\)/)
  const inbox = open()
  for (const bad of [
    { id: '', chat: 'a' },
    { id: 'x', chat: 'a'.repeat(2_000) },
    { chat: 'a' } as never,
    { id: 'x', chat: 'a', sentAt: 1_800_000_000 },
    { id: 'x', chat: 'a', size: 1n } as Letter,
    circular(),
  ])
    await expect(inbox.add(bad)).rejects.toBeInstanceOf(MisuseError)
  expect(await inbox.add(letter('x'))).toBe('kept')
})

function circular(): Letter {
  const message = { id: 'x', chat: 'a', self: {} }
  message.self = message
  return message
}

/** After garbage collection. */
function heapUsed(): number {
  setFlagsFromString('--expose-gc')
  runInNewContext('gc')()
  return process.memoryUsage().heapUsed
}

it('a person costs the same number of store operations, however many write at once', async () => {
  const costOf = async (people: number) => {
    const { clock, open, answered, pass, store } = bench({ quietMs: 0 })
    let operations = 0
    const counted = wrap(store, () => void operations++)
    const inbox = open({ store: counted, key: ({ id }) => id })
    const ids = Array.from({ length: people }, (_, index) => `p${index}`)
    await Promise.all(ids.map((id) => inbox.add(letter(id, clock.now()))))
    while (answered.length < people) await pass(100)
    await inbox.close()
    return operations / people
  }
  const [few, many] = [await costOf(100), await costOf(1_000)]
  expect(many).toBeLessThan(few * 1.2)
})
