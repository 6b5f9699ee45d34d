/** The contract of every store, as checks for any test framework, or none. */
import type { CapHold, FullStore, Store } from '../store/index.js'
import { type CheckFailure, type Checks, checkFactory, equal, runChecks } from './check.js'

export interface CheckStoreOptions {
  /** Waits until an entry of a store has expired. @default setTimeout */
  readonly wait?: ((ms: number) => Promise<void>) | undefined
}

type Make = () => Store | Promise<Store>

interface Bench {
  /** Two stores on one storage, as in two processes. */
  readonly a: FullStore
  readonly b: FullStore
  /** Used by this check only. */
  readonly key: string
  readonly wait: (ms: number) => Promise<void>
}

const ttl = { ttlMs: 60_000 }

/** Long enough for a slow store to answer before it expires. Milliseconds. */
const shortMs = 150

const times = <T>(count: number, make: (index: number) => Promise<T>) =>
  Promise.all(Array.from({ length: count }, (_, index) => make(index)))

const cap = (key: string, amount: number, limit = 100, ttlMs = 60_000): CapHold => ({
  key,
  amount,
  limit,
  ttlMs,
})

const basic: Checks<Bench> = {
  'keeps a value, every character of it, until it is deleted': async ({ a, b, key }) => {
    equal((await a.get(key)) ?? null, null, 'a key that is not there')
    for (const value of ['ä\n"😀\\', '', '007', '1.0', '{"a":1}', 'null', ' x ', '[1]']) {
      await a.set(key, value, ttl)
      equal(await b.get(key), value, 'what the other reads')
    }
    await b.delete(key)
    equal((await a.get(key)) ?? null, null, 'a key that was deleted')
  },

  'sets an absent key once, whoever comes first': async ({ a, b, key }) => {
    const won = await times(20, (i) => (i % 2 ? a : b).setIfAbsent(key, String(i), ttl))
    equal(won.filter(Boolean).length, 1, 'winners')
    equal(await a.get(key), String(won.indexOf(true)), 'the value')
  },

  'loses no addition': async ({ a, b, key }) => {
    await times(40, (i) => (i % 2 ? a : b).increment(key, 3, ttl))
    equal(await a.increment(key, -1, ttl), 119, 'the sum')
    equal(await b.get(key), '119', 'the sum as a value')
  },

  'drops what has expired, and not before': async ({ a, key, wait }) => {
    await a.set(key, 'x', { ttlMs: shortMs })
    await a.append(`${key}:log`, ['x'], { ttlMs: shortMs })
    await a.increment(`${key}:sum`, 1, { ttlMs: shortMs })
    await a.set(`${key}:long`, 'x', ttl)
    await wait(shortMs * 2)
    equal((await a.get(key)) ?? null, null, 'the value')
    equal(await a.read(`${key}:log`, 0), [], 'the log')
    equal((await a.get(`${key}:sum`)) ?? null, null, 'the sum')
    equal(await a.setIfAbsent(key, 'y', ttl), true, 'set anew')
    equal(await a.get(`${key}:long`), 'x', 'what has not expired')
  },

  'keeps a log in order, and gives its length and any part of it': async ({ a, b, key }) => {
    equal(await a.append(key, [], ttl), 0, 'nothing appended')
    equal(await a.append(key, ['a', ''], ttl), 2, 'the first length')
    equal(await b.append(key, ['2', '{}'], ttl), 4, 'the second length')
    equal(await b.read(key, 0), ['a', '', '2', '{}'], 'all of it')
    equal(await a.read(key, 1, 2), ['', '2'], 'a part of it')
    equal(await a.read(key, 4), [], 'behind its end')
    const long = Array.from({ length: 5_000 }, (_, i) => String(i))
    equal(await a.append(`${key}:long`, long, ttl), 5_000, 'a long one')
    equal(await b.read(`${key}:long`, 4_999), ['4999'], 'its end')
  },

  'appends whole batches, none lost and none torn': async ({ a, b, key }) => {
    await times(20, (i) => (i % 2 ? a : b).append(key, [`${i}`, `${i}`, `${i}`], ttl))
    const log = await a.read(key, 0)
    equal(log.length, 60, 'the length')
    for (let at = 0; at < 60; at += 3)
      equal([log[at + 1], log[at + 2]], [log[at], log[at]], 'one batch')
  },

  'appends at a length only where the log has it': async ({ a, b, key }) => {
    equal(await a.append(key, ['a'], { ...ttl, at: 1 }), -1, 'at 1 of an empty log')
    equal(await a.append(key, ['a'], { ...ttl, at: 0 }), 1, 'at its length')
    const lengths = await times(10, (i) => (i % 2 ? a : b).append(key, ['x'], { ...ttl, at: 1 }))
    equal(lengths.filter((length) => length === 2).length, 1, 'writers at one length')
    equal(lengths.filter((length) => length === -1).length, 9, 'the others')
    equal((await a.read(key, 0)).length, 2, 'the log')
  },

  'renews the life of a log with each append, also of nothing': async ({ a, key, wait }) => {
    await a.append(key, ['x'], { ttlMs: shortMs })
    equal(await a.append(key, [], ttl), 1, 'the length')
    await wait(shortMs * 2)
    equal(await a.read(key, 0), ['x'], 'the log')
  },

  'refuses to use a value as a log': async ({ a, key }) => {
    await a.set(key, 'x', ttl)
    const outcome = await a.append(key, ['y'], ttl).then(
      () => 'appended',
      () => 'refused',
    )
    equal([outcome, await a.get(key)], ['refused', 'x'], 'outcome and value')
  },
}

const owned: Checks<Bench> = {
  'replaces and deletes only what is as expected': async ({ a, b, key, wait }) => {
    equal(await a.replace(key, '', 'x', ttl), false, 'replace nothing')
    await a.set(key, 'mine', { ttlMs: shortMs })
    equal(await b.replace(key, 'yours', 'x', ttl), false, 'replace what is another’s')
    equal(await b.deleteIf(key, 'yours'), false, 'delete what is another’s')
    equal(await b.replace(key, 'mine', 'mine', ttl), true, 'renew')
    await wait(shortMs * 2)
    equal(await a.get(key), 'mine', 'renewed')
    const won = await times(20, (i) => (i % 2 ? a : b).replace(key, 'mine', `new${i}`, ttl))
    equal(won.filter(Boolean).length, 1, 'winners')
    equal(await a.deleteIf(key, `new${won.indexOf(true)}`), true, 'delete what is expected')
    equal((await b.get(key)) ?? null, null, 'gone')
  },
}

const shifted: Checks<Bench> = {
  'takes entries off the front of a log only if they are there': async ({ a, b, key }) => {
    await a.append(key, ['a', 'b', 'c'], ttl)
    equal(await b.shift(key, ['b']), false, 'not in front')
    equal(await b.shift(key, ['a', 'b', 'c', 'd']), false, 'more than there is')
    equal(await b.shift(key, ['a', 'b']), true, 'in front')
    equal(await a.shift(key, ['a', 'b']), false, 'again')
    equal([await a.append(key, ['d'], ttl), ...(await a.read(key, 0))], [2, 'c', 'd'], 'the rest')
    equal(await a.shift(key, ['c', 'd']), true, 'all')
    equal(await b.append(key, ['e'], { ...ttl, at: 0 }), 1, 'empty again')
  },
}

const queued: Checks<Bench> = {
  'gives what is due in a queue to one, the longest due first, and again after its lease': async ({
    a,
    b,
    key,
    wait,
  }) => {
    await a.schedule(key, 'late', { inMs: 60_000 })
    await a.schedule(key, 'second', { inMs: -10_000 })
    await a.schedule(key, 'first', { inMs: -20_000 })
    equal((await b.claim(key, { leaseMs: 60_000, limit: 1 })).map(memberOf), ['first'], 'first')
    const both = await Promise.all([a, b].map((store) => store.claim(key, { leaseMs: shortMs })))
    equal(both.flat().map(memberOf), ['second'], 'claimed by one')
    const { at = 0 } = both.flat()[0] ?? {}
    equal(await a.unschedule(key, 'second', at + 1), false, 'taken out at another time')
    await wait(shortMs * 2)
    const again = await b.claim(key, { leaseMs: 60_000 })
    equal(again.map(memberOf), ['second'], 'after the lease')
    equal(await a.unschedule(key, 'second', at), false, 'taken out by who lost it')
    equal(await a.unschedule(key, 'second', again[0]?.at ?? 0), true, 'taken out')
    await a.schedule(key, 'late', { inMs: 0 })
    equal((await a.claim(key, { leaseMs: 60_000 })).map(memberOf), ['late'], 'moved to now')
  },
}

const booked: Checks<Bench> = {
  'holds on all caps or none, and never past one': async ({ a, b, key }) => {
    const held = await times(30, (i) =>
      (i % 2 ? a : b).hold(key, {
        id: String(i),
        leaseMs: 60_000,
        caps: [cap('narrow', 7), cap('wide', 7, 1_000)],
      }),
    )
    equal(held.filter(({ isHeld }) => isHeld).length, 14, 'holds of 7 in 100')
    const caps = await a.settle(key, {
      id: 'other',
      caps: [cap('narrow', 0), cap('wide', 0, 1_000)],
    })
    equal(
      caps.map(({ held }) => held),
      [98, 98],
      'held',
    )
  },

  'adds to a hold that is there, and books the real figure in its place': async ({ a, b, key }) => {
    const big = 3_000_000_000_000_001
    const request = (amount: number) => ({
      id: 'x',
      leaseMs: 60_000,
      caps: [cap('big', amount, 2 * big)],
    })
    equal((await a.hold(key, request(big))).caps[0]?.held, big, 'held')
    equal((await b.hold(key, request(1))).caps[0]?.held, big + 1, 'extended')
    equal((await b.hold(key, request(big))).isHeld, false, 'too far')
    const [settled] = await b.settle(key, request(big - 1))
    equal([settled?.used, settled?.held], [big - 1, 0], 'settled')
    const [again] = await a.settle(key, request(big + 2))
    equal([again?.used, again?.held], [big + 2, 0], 'settled again')
  },

  'holds once what arrives twice, if the request has what was held before': async ({
    a,
    b,
    key,
  }) => {
    const of = (amount: number, held: number) => ({
      id: 'x',
      leaseMs: 60_000,
      caps: [{ ...cap('c', amount), held }],
    })
    for (const request of [of(60, 0), of(30, 60), of(0, 90)])
      for (const store of [a, b]) {
        const { isHeld, caps } = await store.hold(key, request)
        const { amount = 0, held = 0 } = request.caps[0] ?? {}
        equal([isHeld, caps[0]?.held], [true, held + amount], 'held')
      }
    equal((await b.hold(key, of(20, 90))).isHeld, false, 'too far')
    equal((await a.hold(key, of(0, 60))).caps[0]?.held, 90, 'an older request')
    const [settled] = await b.settle(key, of(70, 90))
    equal([settled?.used, settled?.held], [70, 0], 'settled')
  },

  'books a hold whose lease is over, and corrects it by a late settle': async ({
    a,
    b,
    key,
    wait,
  }) => {
    const of = (id: string, amount: number, leaseMs = 60_000) => ({
      id,
      leaseMs,
      caps: [cap('c', amount)],
    })
    await a.hold(key, of('dead', 60, shortMs))
    await wait(shortMs * 2)
    const [booked] = (await b.hold(key, of('live', 10))).caps
    equal([booked?.used, booked?.held], [60, 10], 'booked')
    const [corrected] = await a.settle(key, of('dead', 25))
    equal([corrected?.used, corrected?.held], [25, 10], 'corrected')
  },

  'begins a cap anew when it has expired': async ({ a, key, wait }) => {
    const short = [cap('c', 90, 100, shortMs)]
    await a.settle(key, { id: 'old', caps: short })
    await wait(shortMs * 2)
    const { isHeld, caps } = await a.hold(key, { id: 'new', leaseMs: 60_000, caps: short })
    equal([isHeld, caps[0]?.used], [true, 0], 'held, used')
  },
}

/** Checks by the operations that they need; skipped if the store lacks them. */
const checks: readonly (readonly [needs: readonly (keyof Store)[], Checks<Bench>])[] = [
  [[], basic],
  [['replace', 'deleteIf'], owned],
  [['shift'], shifted],
  [['schedule', 'claim', 'unschedule'], queued],
  [['hold', 'settle'], booked],
]

const memberOf = ({ member }: { readonly member: string }) => member

const waitReally = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms))

/**
 * Runs the contract of every store on two stores of one storage, and returns the failed checks:
 * none for a valid store. Skips checks of operations that the store lacks. Leaves some keys, which
 * expire. Throws `MisuseError` for a store instead of a factory.
 *
 * @example
 * expect(await checkStore(() => myStore(database))).toEqual([])
 */
export async function checkStore(
  makeStore: Make,
  { wait = waitReally }: CheckStoreOptions = {},
): Promise<readonly CheckFailure[]> {
  checkFactory(makeStore, 'checkStore(() => myStore(database))')
  const run = crypto.randomUUID()
  // each check is selected by the operations it needs
  const [a, b] = (await Promise.all([makeStore(), makeStore()])) as [FullStore, FullStore]
  const asked = checks.filter(([needs]) => needs.every((name) => typeof a[name] === 'function'))
  const all: Checks<Bench> = Object.assign({}, ...asked.map(([, group]) => group))
  return runChecks(all, (index) => ({ a, b, key: `check:${run}:${index}`, wait }))
}
