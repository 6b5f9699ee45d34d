/** A store in Redis, for many processes: over ioredis or node-redis, told apart by how they take a command. */
import { MisuseError } from '../core/index.js'
import type { Store } from './store.js'

/** ioredis has `call(name, …arguments)`, node-redis `sendCommand([name, …arguments])`. */
export type RedisClient =
  | { call(name: string, ...args: string[]): Promise<unknown> }
  | { sendCommand(args: string[]): Promise<unknown> }

export interface RedisStoreOptions {
  /** Stands before each key. @default 'tetrad:' */
  readonly prefix?: string | undefined
}

/** Both in one step: a key must not be left without an end to its life. */
const incrementScript = `local sum = redis.call('INCRBY', KEYS[1], ARGV[1])
if redis.call('PTTL', KEYS[1]) < 0 then redis.call('PEXPIRE', KEYS[1], ARGV[2]) end
return sum`

/** Pushed one by one: a script can hand over some thousand arguments at once. */
const appendScript = `local length = redis.call('LLEN', KEYS[1])
if ARGV[2] ~= '' and length ~= tonumber(ARGV[2]) then return -1 end
for i = 3, #ARGV do length = redis.call('RPUSH', KEYS[1], ARGV[i]) end
redis.call('PEXPIRE', KEYS[1], ARGV[1])
return length`

/**
 * A store over a client of the app, which connects and closes it. Throws `MisuseError` for what is no such client.
 *
 * @example
 * const store = redisStore(new Redis(process.env.REDIS_URL))
 */
export function redisStore(
  client: RedisClient,
  { prefix = 'tetrad:' }: RedisStoreOptions = {},
): Store {
  const run = commandOf(client)
  const at = (key: string) => prefix + key
  return {
    async get(key) {
      const value = await run('GET', at(key))
      return value === null || value === undefined ? undefined : String(value)
    },
    async set(key, value, { ttlMs }) {
      await run('SET', at(key), value, 'PX', whole(ttlMs))
    },
    async setIfAbsent(key, value, { ttlMs }) {
      return String(await run('SET', at(key), value, 'PX', whole(ttlMs), 'NX')) === 'OK'
    },
    async increment(key, by, { ttlMs }) {
      return Number(await run('EVAL', incrementScript, '1', at(key), String(by), whole(ttlMs)))
    },
    async delete(key) {
      await run('DEL', at(key))
    },
    async append(key, entries, { ttlMs, at: length = '' }) {
      const args = [whole(ttlMs), String(length), ...entries]
      return Number(await run('EVAL', appendScript, '1', at(key), ...args))
    },
    async read(key, from, limit) {
      const last = limit === undefined ? -1 : from + limit - 1
      const entries = await run('LRANGE', at(key), String(from), String(last))
      return Array.isArray(entries) ? entries.map(String) : []
    },
  }
}

const whole = (ms: number) => String(Math.max(1, Math.ceil(ms)))

function commandOf(client: RedisClient): (...args: string[]) => Promise<unknown> {
  // ioredis has a `sendCommand` too, which takes a command object
  if ('call' in client && typeof client.call === 'function')
    return (name = '', ...args) => client.call(name, ...args)
  if ('sendCommand' in client && typeof client.sendCommand === 'function')
    return (...args) => client.sendCommand(args)
  throw new MisuseError('redisStore() takes a client of ioredis or node-redis')
}
