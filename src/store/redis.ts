/** A Redis store for many processes: over ioredis, node-redis or Upstash's HTTP client. */
import { MisuseError } from '../core/errors.js'
import { type CapState, lateMs } from './ledger.js'
import * as scripts from './redis-scripts.js'
import type { FullStore } from './store.js'

/**
 * ioredis has `call(name, …arguments)`; node-redis `eval(script, { keys, arguments })`, also on its
 * pools, clusters and sentinels; `@upstash/redis` `eval(script, keys, arguments)` and no plain
 * command. A client with `sendCommand` alone takes `[name, …arguments]`.
 */
export type RedisClient =
  | { call(name: string, ...args: string[]): Promise<unknown> }
  | NodeRedisClient
  | { sendCommand(args: string[]): Promise<unknown> }
  | UpstashClient

/** Its `sendCommand` is not called: the arguments differ from kind to kind. */
export interface NodeRedisClient {
  eval(script: string, options: { keys: string[]; arguments: string[] }): Promise<unknown>
}

export interface UpstashClient {
  eval(script: string, keys: string[], args: string[]): Promise<unknown>
}

export interface RedisStoreOptions {
  /** Prefix of each key. @default 'tetrad:' */
  readonly prefix?: string | undefined
}

/**
 * Creates a store over a client that the app connects and closes. Works on Redis Cluster: an
 * operation touches one key, or keys of one hash tag. Throws `MisuseError` for an unknown client.
 *
 * @example
 * const store = redisStore(new Redis(process.env.REDIS_URL))
 */
export function redisStore(
  client: RedisClient,
  { prefix = 'tetrad:' }: RedisStoreOptions = {},
): FullStore {
  const evaluate = evaluatorOf(client)
  const run = (script: string, key: string, ...args: string[]) =>
    evaluate(script, [prefix + key], args)
  const command = (name: string, key: string, ...args: string[]) =>
    run(`return redis.call('${name}', KEYS[1], unpack(ARGV))`, key, ...args)
  const isDone = async (result: Promise<unknown>) => Number(await result) > 0
  /** The hash tag in braces puts both keys into one slot. */
  const book = async (script: string, ledger: string, request: LedgerRequest) => {
    const keys = ['rows', 'due'].map((part) => `${prefix}{ledger:${ledger}}:${part}`)
    const [first, now, ...figures] = listOf(
      await evaluate(script, keys, [JSON.stringify({ ...request, lateMs })]),
    )
    const caps = request.caps.map(
      ({ key }, index): CapState => ({
        key,
        used: Number(figures[index * 2]),
        held: Number(figures[index * 2 + 1]),
      }),
    )
    return { isHeld: first === '1', caps, now: Number(now) }
  }
  return {
    async get(key) {
      const value = await command('GET', key)
      return value === null || value === undefined ? undefined : String(value)
    },
    async set(key, value, { ttlMs }) {
      await command('SET', key, value, 'PX', whole(ttlMs))
    },
    async setIfAbsent(key, value, { ttlMs }) {
      const set = await command('SET', key, value, 'PX', whole(ttlMs), 'NX')
      return String(set) === 'OK'
    },
    async increment(key, by, { ttlMs }) {
      return Number(await run(scripts.increment, key, String(by), whole(ttlMs)))
    },
    async delete(key) {
      await command('DEL', key)
    },
    replace: (key, expected, value, { ttlMs }) =>
      isDone(run(scripts.replace, key, expected, value, whole(ttlMs))),
    deleteIf: (key, expected) => isDone(run(scripts.deleteIf, key, expected)),
    async append(key, entries, { ttlMs, at = '' }) {
      return Number(await run(scripts.append, key, whole(ttlMs), String(at), ...entries))
    },
    async read(key, from, limit) {
      const last = limit === undefined ? -1 : from + limit - 1
      return limit === 0 ? [] : listOf(await command('LRANGE', key, String(from), String(last)))
    },
    shift: (key, entries) => isDone(run(scripts.shift, key, ...entries)),
    async schedule(queue, member, { inMs }) {
      await run(scripts.schedule, queue, String(Math.ceil(inMs)), member)
    },
    async claim(queue, { leaseMs, limit = 100 }) {
      const claimed = await run(scripts.claim, queue, whole(leaseMs), String(limit))
      const [at, ...members] = listOf(claimed)
      return members.map((member) => ({ member, at: Number(at) }))
    },
    unschedule: (queue, member, at) => isDone(run(scripts.unschedule, queue, member, String(at))),
    hold: (ledger, request) => book(scripts.hold, ledger, request),
    settle: async (ledger, request) => (await book(scripts.settle, ledger, request)).caps,
  }
}

interface LedgerRequest {
  readonly caps: readonly { readonly key: string }[]
}

const whole = (ms: number) => String(Math.max(1, Math.ceil(ms)))

const listOf = (value: unknown): readonly string[] =>
  Array.isArray(value) ? value.map(String) : []

type Evaluate = (script: string, keys: string[], args: string[]) => Promise<unknown>

function evaluatorOf(client: RedisClient): Evaluate {
  // ioredis also has a `sendCommand`, which takes a command object
  if ('call' in client && typeof client.call === 'function')
    return (script, keys, args) =>
      client.call('EVAL', script, String(keys.length), ...keys, ...args)
  if (isNodeRedis(client))
    return (script, keys, args) => client.eval(script, { keys, arguments: args })
  if ('sendCommand' in client && typeof client.sendCommand === 'function')
    return (script, keys, args) =>
      client.sendCommand(['EVAL', script, String(keys.length), ...keys, ...args])
  if ('eval' in client && typeof client.eval === 'function') return overHttp(client)
  throw new MisuseError('redisStore() takes a client of ioredis, node-redis or @upstash/redis')
}

/** Upstash's HTTP client has no `sendCommand`. */
const isNodeRedis = (client: RedisClient): client is NodeRedisClient =>
  'sendCommand' in client && 'eval' in client && typeof client.eval === 'function'

/** Upstash's client parses text that looks like JSON; a leading letter prevents it. */
function overHttp(client: UpstashClient): Evaluate {
  return async (script, keys, args) => {
    const marked = `local function mark(value)
if type(value) == 'table' then
  if value.ok then return 's' .. value.ok end
  for i = 1, #value do value[i] = mark(value[i]) end
end
return type(value) == 'string' and 's' .. value or value
end
return mark((function() ${script}
end)())`
    return unmark(await client.eval(marked, keys, args))
  }
}

const unmark = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(unmark)
  return typeof value === 'string' ? value.slice(1) : value
}
