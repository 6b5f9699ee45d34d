/**
 * Processes that die at any step, and steps in any order: each message is in one turn, and none is
 * lost.
 */
import fc from 'fast-check'
import { expect, it } from 'vitest'
import type { Inbox, InboxOptions } from '../../src/inbox/index.js'
import type { Store } from '../../src/store/index.js'
import { type Bench, bench, gate, type Letter, letter, mortal, wrap } from './bench.js'

const options: Partial<InboxOptions<Letter>> = { quietMs: 300, leaseMs: 3_000, attempts: 100 }

/** Stores what it received and sends it once per turn, through the store of its process. */
function answering(sent: string[], store: Store): InboxOptions<Letter>['answer'] {
  return async (_, { id }) => {
    if (await store.setIfAbsent(`sent:${id}`, 'x', { ttlMs: 1e9 })) sent.push(id)
  }
}

/** The turns that each message was in. */
function turnsById({ answered }: Bench): Map<string, Set<string>> {
  const turns = new Map<string, Set<string>>()
  for (const { ids, turn } of answered)
    for (const id of ids.split(' ')) turns.set(id, (turns.get(id) ?? new Set()).add(turn.id))
  return turns
}

function expectOneTurnEach(made: Bench, ids: readonly string[]): void {
  const turns = turnsById(made)
  expect([...turns.keys()].sort()).toEqual([...ids].sort())
  for (const [id, those] of turns) expect(those.size, id).toBe(1)
}

const ids = ['a1', 'a2', 'b1', 'a3']

/** Delivers like a messenger: again until the response is 200. Returns what was delivered. */
async function deliver(inbox: Inbox<Letter>, { pass }: Bench, isDead = () => false) {
  const done: string[] = []
  for (const id of ids) {
    if (isDead()) break
    const adding = inbox.add(letter(id)).then(() => done.push(id))
    await Promise.race([adding, pass(100)])
    if (id !== 'a2') await pass(400)
  }
  await pass(1_000)
  return done
}

it('a process that dies at any step loses and duplicates nothing', async () => {
  let deaths = 0
  for (let half = 1; ; half++) {
    const made = bench(options)
    const sent: string[] = []
    const dying = mortal(made.store, half)
    const first = made.open({ store: dying.store, answer: answering(sent, dying.store) })
    await deliver(first, made, dying.isDead)
    if (!dying.isDead()) break
    deaths++
    const second = made.open({ answer: answering(sent, made.store) })
    await second.resume()
    await deliver(second, made)
    await made.pass(20_000)
    expectOneTurnEach(made, ids)
    expect(new Set(sent).size).toBe(sent.length)
    expect(made.errors.filter(({ ids }) => ids !== undefined)).toEqual([])
    await second.close()
  }
  expect(deaths).toBeGreaterThan(60)
}, 120_000)

it('messages stored when a process died are answered without another delivery', async () => {
  for (let half = 1; ; half++) {
    const made = bench(options)
    const dying = mortal(made.store, half)
    const first = made.open({ store: dying.store })
    const kept = await deliver(first, made, dying.isDead)
    if (!dying.isDead()) break
    const second = made.open()
    await second.resume()
    await made.pass(20_000)
    const turns = turnsById(made)
    for (const id of kept) expect(turns.get(id)?.size, `${id} at ${half}`).toBe(1)
    for (const those of turns.values()) expect(those.size).toBe(1)
    await second.close()
  }
}, 120_000)

it('writes that a client sends twice, as their reply was lost, end the turn', async () => {
  const made = bench({ ...options, quietMs: 0 })
  const isWrite = /^(append|setIfAbsent|replace|deleteIf|shift)$/
  const store = new Proxy(made.store, {
    get(target, name) {
      const run: unknown = Reflect.get(target, name)
      if (typeof run !== 'function' || !isWrite.test(String(name))) return run
      return async (...args: unknown[]) => {
        await run.apply(target, args)
        return run.apply(target, args)
      }
    },
  })
  const inbox = made.open({ store })
  for (const id of ['a1', 'a2', 'a3']) {
    await inbox.add(letter(id))
    // less than a third of the lease: nothing waits for it
    await made.pass(900)
  }
  expect(made.answered.map(({ ids }) => ids)).toEqual(['a1', 'a2', 'a3'])
  expect(await made.store.get('inbox:turn:a')).toBeUndefined()
  await inbox.close()
})

it.each([
  ['whose turn is over', []],
  ['that waits', ['a0']],
])('a duplicate that arrives during delivery is dropped: of one %s', async (_, before) => {
  const made = bench({ quietMs: 300 })
  const late = gate()
  const slow = made.open({ store: wrap(made.store, (name) => name === 'append' && late.opened) })
  const fast = made.open()
  for (const id of before) await fast.add(letter(id))
  const adding = slow.add(letter('a1'))
  await made.pass(1_000)
  await fast.add(letter('a1'))
  if (before.length === 0) await made.pass(1_000)
  late.open()
  await adding
  expect(await made.store.read('inbox:waiting:a', 0)).toHaveLength(before.length + 1)
  await made.pass(2_000)
  expect(made.answered.map(({ ids }) => ids)).toEqual([...before, 'a1'])
})

it('in any order of steps, with expiring locks, each message is in one turn', async () => {
  const delay = fc.integer({ min: 0, max: 9 })
  await fc.assert(
    fc.asyncProperty(fc.array(delay, { minLength: 50, maxLength: 300 }), async (delays) => {
      const made = bench({ ...options, quietMs: 0, leaseMs: 600, pollMs: 200 })
      const sent: string[] = []
      let step = 0
      let isCalm = false
      const dawdle = async () => {
        if (isCalm) return
        for (let left = delays[step++ % delays.length] ?? 0; left > 0; left--)
          await new Promise(setImmediate)
      }
      const open = () => {
        const slow = wrap(made.store, dawdle, dawdle)
        return made.open({ store: slow, answer: answering(sent, slow) })
      }
      const inboxes = [open(), open(), open()]
      const messages = [...ids, 'a4', 'b2', 'a5', 'b3', 'a6']
      // each message goes to two of them, at about the same time
      const adding = [...messages, ...messages].map(async (id, index) => {
        for (let left = index % messages.length; left > 0; left--) await dawdle()
        await inboxes[index % 3]?.add(letter(id))
      })
      const passing = made.pass(3_000)
      await Promise.all(adding)
      await passing
      // a store that is slower than its lock leases makes no progress
      isCalm = true
      await made.pass(6_000)
      expectOneTurnEach(made, messages)
      expect(new Set(sent).size).toBe(sent.length)
      const closing = inboxes.map((inbox) => inbox.close({ graceMs: 0 }))
      await made.pass(6_000)
      await Promise.all(closing)
    }),
    { numRuns: 300, endOnFailure: true },
  )
}, 120_000)
