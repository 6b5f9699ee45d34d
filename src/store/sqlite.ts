/** A store in one SQLite file, for the processes of one machine: over `node:sqlite` or better-sqlite3. */
import { MisuseError, TetradError } from '../core/errors.js'
import { type CapRow, type HoldRow, hold, type LedgerRows, settle } from './ledger.js'
import type { FullStore } from './store.js'

/** What `DatabaseSync` of Node 22 and `Database` of better-sqlite3 have in common. */
export interface SqliteDatabase {
  exec(sql: string): unknown
  prepare(sql: string): SqliteStatement
}

export interface SqliteStatement {
  get(...params: (string | number)[]): unknown
  all(...params: (string | number)[]): unknown[]
  run(...params: (string | number)[]): { readonly changes: number | bigint }
}

export interface SqliteStoreOptions {
  /** How long a write waits for that of another process; meanwhile this process stands still. Milliseconds. @default 5_000 */
  readonly busyMs?: number | undefined
  /** Milliseconds. @default Date.now */
  readonly now?: (() => number) | undefined
}

const schema = `
create table if not exists tetrad_value (key text primary key, value text, expires real not null) without rowid;
create table if not exists tetrad_log (key text, position integer, entry text not null, primary key (key, position)) without rowid;
create table if not exists tetrad_queue (queue text, member text, at real not null, primary key (queue, member)) without rowid;
create index if not exists tetrad_queue_at on tetrad_queue (queue, at);
create table if not exists tetrad_cap (ledger text, key text, used real not null, held real not null, expires real not null, primary key (ledger, key)) without rowid;
create table if not exists tetrad_hold (ledger text, id text, live integer not null, amounts text not null, due real not null, primary key (ledger, id)) without rowid;
create index if not exists tetrad_value_expires on tetrad_value (expires);
create index if not exists tetrad_hold_due on tetrad_hold (ledger, due);`

const sweepMs = 10_000

/**
 * A store over a connection of its own, which the app opens and closes. Puts the file into WAL mode. Throws
 * `MisuseError` for what is no such database.
 *
 * @example
 * // DatabaseSync comes with Node 22
 * const store = sqliteStore(new DatabaseSync('chat.db'))
 */
export function sqliteStore(
  db: SqliteDatabase,
  { busyMs = 5_000, now = Date.now }: SqliteStoreOptions = {},
): FullStore {
  if (typeof db?.exec !== 'function' || typeof db.prepare !== 'function')
    throw new MisuseError('sqliteStore() takes a database of node:sqlite or better-sqlite3')
  db.exec(`pragma busy_timeout = ${Math.max(0, Math.ceil(busyMs))}`)
  const query = queries(db)
  useWal(db, now() + busyMs)
  /** One writer at a time over all processes; a failure leaves nothing behind. */
  const write = <T>(work: (time: number) => T): T => {
    db.exec('begin immediate')
    try {
      const value = work(now())
      db.exec('commit')
      return value
    } catch (error) {
      db.exec('rollback')
      throw error
    }
  }
  write(() => db.exec(schema))

  let nextSweep = 0
  const sweep = (time: number) => {
    if (time < nextSweep) return
    nextSweep = time + sweepMs
    query(
      'delete from tetrad_log where key in (select key from tetrad_value where expires <= ?)',
    ).run(time)
    query('delete from tetrad_value where expires <= ?').run(time)
    query('delete from tetrad_cap where expires <= ?').run(time)
  }
  const find = (key: string, time: number) =>
    // as the schema has it; a log has no value
    query('select value from tetrad_value where key = ? and expires > ?').get(key, time) as
      | { readonly value: string | null }
      | undefined
  const value = (key: string, time: number) => {
    const row = find(key, time)
    if (row?.value === null) throw wrongKind(key)
    return row?.value
  }
  const remove = (key: string) => {
    query('delete from tetrad_log where key = ?').run(key)
    return query('delete from tetrad_value where key = ?').run(key)
  }
  const put = (key: string, text: string, expires: number) => {
    remove(key)
    query('insert into tetrad_value values (?, ?, ?)').run(key, text, expires)
  }
  /** First position and the one behind the last. */
  const bounds = (key: string, time: number): Bounds => {
    const row = find(key, time)
    if (row && row.value !== null) throw wrongKind(key)
    if (!row) return { first: 0, next: 0 }
    // an aggregate gives one row
    return query(
      'select coalesce(min(position), 0) first, coalesce(max(position) + 1, 0) next from tetrad_log where key = ?',
    ).get(key) as Bounds
  }
  return {
    async get(key) {
      return value(key, now()) ?? undefined
    },
    async set(key, text, { ttlMs }) {
      write((time) => {
        sweep(time)
        put(key, text, time + ttlMs)
      })
    },
    async setIfAbsent(key, text, { ttlMs }) {
      return write((time) => {
        if (find(key, time)) return false
        put(key, text, time + ttlMs)
        return true
      })
    },
    async increment(key, by, { ttlMs }) {
      return write((time) => {
        const known = value(key, time)
        const sum = Number(known ?? 0) + by
        if (!Number.isSafeInteger(sum)) throw wrongKind(key)
        if (known === undefined) put(key, String(sum), time + ttlMs)
        else query('update tetrad_value set value = ? where key = ?').run(String(sum), key)
        return sum
      })
    },
    async delete(key) {
      write(() => remove(key))
    },
    async replace(key, expected, text, { ttlMs }) {
      return write((time) => {
        if (value(key, time) !== expected) return false
        put(key, text, time + ttlMs)
        return true
      })
    },
    async deleteIf(key, expected) {
      return write((time) => value(key, time) === expected && Boolean(remove(key)))
    },
    async append(key, entries, { ttlMs, at }) {
      return write((time) => {
        sweep(time)
        const { first, next } = bounds(key, time)
        if (at !== undefined && at !== next - first) return -1
        if (next === first) {
          if (entries.length === 0) return 0
          remove(key)
          query('insert into tetrad_value values (?, null, ?)').run(key, 0)
        }
        query('update tetrad_value set expires = ? where key = ?').run(time + ttlMs, key)
        const add = query('insert into tetrad_log values (?, ?, ?)')
        for (const [index, entry] of entries.entries()) add.run(key, next + index, entry)
        return next - first + entries.length
      })
    },
    async read(key, from, limit = -1) {
      const { first } = bounds(key, now())
      if (!find(key, now())) return []
      const rows = query(
        'select entry from tetrad_log where key = ? and position >= ? order by position limit ?',
      ).all(key, first + from, limit)
      // as the schema has it
      return (rows as { readonly entry: string }[]).map(({ entry }) => entry)
    },
    async shift(key, entries) {
      return write((time) => {
        const { first, next } = bounds(key, time)
        if (next - first < entries.length) return false
        const at = query('select entry from tetrad_log where key = ? and position = ?')
        for (const [index, entry] of entries.entries()) {
          const row = at.get(key, first + index) as { readonly entry: string } | undefined
          if (row?.entry !== entry) return false
        }
        if (next - first === entries.length) remove(key)
        else
          query('delete from tetrad_log where key = ? and position < ?').run(
            key,
            first + entries.length,
          )
        return true
      })
    },
    async schedule(queue, member, { inMs }) {
      write((time) =>
        query('insert or replace into tetrad_queue values (?, ?, ?)').run(
          queue,
          member,
          time + inMs,
        ),
      )
    },
    async claim(queue, { leaseMs, limit = 100 }) {
      return write((time) => {
        const at = time + leaseMs
        const rows = query(
          'select member from tetrad_queue where queue = ? and at <= ? order by at, member limit ?',
        ).all(queue, time, limit) as { readonly member: string }[]
        const postpone = query('update tetrad_queue set at = ? where queue = ? and member = ?')
        for (const { member } of rows) postpone.run(at, queue, member)
        return rows.map(({ member }) => ({ member, at }))
      })
    },
    async unschedule(queue, member, at) {
      const { changes } = write(() =>
        query('delete from tetrad_queue where queue = ? and member = ? and at = ?').run(
          queue,
          member,
          at,
        ),
      )
      return Number(changes) > 0
    },
    async hold(ledger, request) {
      return write((time) => {
        sweep(time)
        return hold(ledgerRows(query, ledger), request, time)
      })
    },
    async settle(ledger, request) {
      return write((time) => settle(ledgerRows(query, ledger), request, time))
    },
  }
}

interface Bounds {
  readonly first: number
  readonly next: number
}

type Query = (sql: string) => SqliteStatement

/** Statements are compiled once. */
function queries(db: SqliteDatabase): Query {
  const known = new Map<string, SqliteStatement>()
  return (sql) => {
    const statement = known.get(sql) ?? db.prepare(sql)
    known.set(sql, statement)
    return statement
  }
}

/** The change to WAL does not wait for others as a write does: whoever is second finds it done. */
function useWal(db: SqliteDatabase, until: number): void {
  for (;;) {
    try {
      db.exec('pragma journal_mode = wal; pragma synchronous = normal')
      return
    } catch (error) {
      if (Date.now() >= until) throw error
    }
  }
}

function ledgerRows(query: Query, ledger: string): LedgerRows {
  return {
    // rows are as the schema has them
    cap: (key) =>
      query('select used, held, expires from tetrad_cap where ledger = ? and key = ?').get(
        ledger,
        key,
      ) as CapRow | undefined,
    putCap: (key, { used, held, expires }) =>
      void query('insert or replace into tetrad_cap values (?, ?, ?, ?, ?)').run(
        ledger,
        key,
        used,
        held,
        expires,
      ),
    hold(id) {
      const row = query(
        'select live, amounts, due from tetrad_hold where ledger = ? and id = ?',
      ).get(ledger, id) as
        | { readonly live: number; readonly amounts: string; readonly due: number }
        | undefined
      return (
        row &&
        ({
          isLive: row.live === 1,
          amounts: JSON.parse(row.amounts),
          due: row.due,
        } satisfies HoldRow)
      )
    },
    putHold: (id, { isLive, amounts, due }) =>
      void query('insert or replace into tetrad_hold values (?, ?, ?, ?, ?)').run(
        ledger,
        id,
        isLive ? 1 : 0,
        JSON.stringify(amounts),
        due,
      ),
    deleteHold: (id) =>
      void query('delete from tetrad_hold where ledger = ? and id = ?').run(ledger, id),
    due(now) {
      const rows = query(
        'select id from tetrad_hold where ledger = ? and due <= ? order by due limit 1000',
      ).all(ledger, now)
      return (rows as { readonly id: string }[]).map(({ id }) => id)
    },
  }
}

const wrongKind = (key: string) => new TetradError(`The store holds something else under ${key}`)
