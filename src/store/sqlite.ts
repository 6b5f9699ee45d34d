/** A store in one SQLite file, for a machine's processes: over `node:sqlite` or better-sqlite3. */
import { asObject, type JsonObject } from '../chat/json.js'
import { MisuseError, TetradError } from '../core/errors.js'
import { hold, type LedgerRows, settle } from './ledger.js'
import type { FullStore } from './store.js'

/** The common interface of Node 22's `DatabaseSync` and better-sqlite3's `Database`. */
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
  /** How long an operation waits for another process that has the file. Milliseconds. @default 5_000 */
  readonly busyMs?: number | undefined
  /** The clock, in milliseconds. @default Date.now */
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
 * Creates a store over a connection of its own, which the app opens and closes. Sets WAL mode.
 * Throws `MisuseError` for an unknown database.
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
  useWal(db, Date.now() + busyMs)
  const file = new SqliteFile(db, { busyMs, now })
  file.transact(() => db.exec(schema))
  // from now on `SqliteFile` waits, which does not block this process
  db.exec('pragma busy_timeout = 0')
  return { ...values(file), ...logs(file), ...queues(file), ...ledgers(file) }
}

/** Shared by all parts of the store: prepared statements, transactions, unexpired rows. */
class SqliteFile {
  readonly #db: SqliteDatabase
  readonly #statements = new Map<string, SqliteStatement>()
  readonly #busyMs: number
  readonly #now: () => number
  #nextSweep = 0
  /** The last write; it does not reject. */
  #last: Promise<unknown> = Promise.resolve()

  constructor(db: SqliteDatabase, { busyMs, now }: Times) {
    this.#db = db
    this.#busyMs = busyMs
    this.#now = now
  }

  /** Prepares each statement once. */
  #query(sql: string): SqliteStatement {
    const statement = this.#statements.get(sql) ?? this.#db.prepare(sql)
    this.#statements.set(sql, statement)
    return statement
  }

  run(sql: string, ...values: Values): number {
    return Number(this.#query(sql).run(...values).changes)
  }

  /** A row as the schema has it. */
  row(sql: string, ...values: Values): JsonObject | undefined {
    const row = this.#query(sql).get(...values)
    return row === undefined ? undefined : asObject(row)
  }

  /** The first column of all rows. */
  texts(sql: string, ...values: Values): readonly string[] {
    const rows = this.#query(sql).all(...values)
    return rows.map((row) => String(Object.values(asObject(row))[0]))
  }

  read<T>(work: (time: number) => T): Promise<T> {
    return this.#whenFree(() => work(this.#now()), Date.now() + this.#busyMs)
  }

  /** In the order of the calls, as one may wait for another process. */
  write<T>(work: (time: number) => T): Promise<T> {
    const until = Date.now() + this.#busyMs
    const writing = this.#last.then(() => this.#whenFree(() => this.transact(work), until))
    this.#last = writing.catch(() => {})
    return writing
  }

  /** Repeats while another process has the file. */
  async #whenFree<T>(work: () => T, until: number): Promise<T> {
    for (let pauseMs = 1; ; pauseMs = Math.min(50, pauseMs * 2)) {
      try {
        return work()
      } catch (error) {
        if (!isBusy(error) || Date.now() >= until) throw error
      }
      await new Promise((resolve) => setTimeout(resolve, pauseMs))
    }
  }

  /** One writer at a time across processes; a failure is rolled back. */
  transact<T>(work: (time: number) => T): T {
    this.#db.exec('begin immediate')
    try {
      const value = work(this.#now())
      this.#db.exec('commit')
      return value
    } catch (error) {
      this.#rollBack()
      throw error
    }
  }

  /** SQLite itself rolls back when the disk is full or fails: then there is no transaction. */
  #rollBack(): void {
    try {
      this.#db.exec('rollback')
    } catch {
      // the caller gets the error of the write
    }
  }

  sweep(time: number): void {
    if (time < this.#nextSweep) return
    this.#nextSweep = time + sweepMs
    const old = 'select key from tetrad_value where expires <= ?'
    this.run(`delete from tetrad_log where key in (${old})`, time)
    this.run('delete from tetrad_value where expires <= ?', time)
    this.run('delete from tetrad_cap where expires <= ?', time)
  }

  /** A log has no value. */
  find(key: string, time: number): JsonObject | undefined {
    return this.row('select value from tetrad_value where key = ? and expires > ?', key, time)
  }

  value(key: string, time: number): string | undefined {
    const row = this.find(key, time)
    if (row?.value === null) throw wrongKind(key)
    return row && String(row.value)
  }

  put(key: string, text: string, expires: number): void {
    this.remove(key)
    this.run('insert into tetrad_value values (?, ?, ?)', key, text, expires)
  }

  remove(key: string): void {
    this.run('delete from tetrad_log where key = ?', key)
    this.run('delete from tetrad_value where key = ?', key)
  }
}

interface Times {
  readonly busyMs: number
  readonly now: () => number
}

type Values = (string | number)[]

type Part<Name extends keyof FullStore> = Pick<FullStore, Name>

function values(
  file: SqliteFile,
): Part<'get' | 'set' | 'setIfAbsent' | 'increment' | 'delete' | 'replace' | 'deleteIf'> {
  return {
    get: (key) => file.read((time) => file.value(key, time)),
    set: (key, text, { ttlMs }) =>
      file.write((time) => {
        file.sweep(time)
        file.put(key, text, time + ttlMs)
      }),
    async setIfAbsent(key, text, { ttlMs }) {
      return file.write((time) => {
        if (file.find(key, time)) return false
        file.put(key, text, time + ttlMs)
        return true
      })
    },
    async increment(key, by, { ttlMs }) {
      return file.write((time) => {
        const known = file.value(key, time)
        const sum = Number(known ?? 0) + by
        if (!Number.isSafeInteger(sum)) throw wrongKind(key)
        if (known === undefined) file.put(key, String(sum), time + ttlMs)
        else file.run('update tetrad_value set value = ? where key = ?', String(sum), key)
        return sum
      })
    },
    delete: (key) => file.write(() => file.remove(key)),
    async replace(key, expected, text, { ttlMs }) {
      return file.write((time) => {
        if (file.value(key, time) !== expected) return false
        file.put(key, text, time + ttlMs)
        return true
      })
    },
    async deleteIf(key, expected) {
      return file.write((time) => {
        if (file.value(key, time) !== expected) return false
        file.remove(key)
        return true
      })
    },
  }
}

function logs(file: SqliteFile): Part<'append' | 'read' | 'shift'> {
  return {
    async append(key, entries, { ttlMs, at }) {
      return file.write((time) => {
        file.sweep(time)
        const { first, next } = bounds(file, key, time)
        if (at !== undefined && at !== next - first) return -1
        if (next === first) {
          if (entries.length === 0) return 0
          file.remove(key)
          file.run('insert into tetrad_value values (?, null, ?)', key, 0)
        }
        file.run('update tetrad_value set expires = ? where key = ?', time + ttlMs, key)
        for (const [index, entry] of entries.entries())
          file.run('insert into tetrad_log values (?, ?, ?)', key, next + index, entry)
        return next - first + entries.length
      })
    },
    read: (key, from, limit = -1) =>
      file.read((time) => {
        const { first } = bounds(file, key, time)
        if (!file.find(key, time)) return []
        const places = 'key = ? and position >= ? order by position limit ?'
        return file.texts(`select entry from tetrad_log where ${places}`, key, first + from, limit)
      }),
    async shift(key, entries) {
      return file.write((time) => {
        const { first, next } = bounds(file, key, time)
        if (next - first < entries.length) return false
        const behind = first + entries.length
        const front = 'key = ? and position < ?'
        const own = file.texts(
          `select entry from tetrad_log where ${front} order by position`,
          key,
          behind,
        )
        if (entries.some((entry, index) => own[index] !== entry)) return false
        if (behind === next) file.remove(key)
        else file.run(`delete from tetrad_log where ${front}`, key, behind)
        return true
      })
    },
  }
}

/** First position of a log and the one behind the last. */
function bounds(file: SqliteFile, key: string, time: number) {
  const row = file.find(key, time)
  if (row && row.value !== null) throw wrongKind(key)
  const ends = 'min(position) first, max(position) + 1 next'
  const found = row && file.row(`select ${ends} from tetrad_log where key = ?`, key)
  return { first: Number(found?.first ?? 0), next: Number(found?.next ?? 0) }
}

function queues(file: SqliteFile): Part<'schedule' | 'claim' | 'unschedule'> {
  return {
    async schedule(queue, member, { inMs }) {
      await file.write((time) =>
        file.run(
          'insert or replace into tetrad_queue values (?, ?, ?)',
          queue,
          member,
          time + inMs,
        ),
      )
    },
    async claim(queue, { leaseMs, limit = 100 }) {
      return file.write((time) => {
        const at = time + leaseMs
        const due = 'queue = ? and at <= ? order by at, member limit ?'
        const sql = `select member from tetrad_queue where ${due}`
        return file.texts(sql, queue, time, limit).map((member) => {
          file.run(
            'update tetrad_queue set at = ? where queue = ? and member = ?',
            at,
            queue,
            member,
          )
          return { member, at }
        })
      })
    },
    async unschedule(queue, member, at) {
      const sql = 'delete from tetrad_queue where queue = ? and member = ? and at = ?'
      return (await file.write(() => file.run(sql, queue, member, at))) > 0
    },
  }
}

function ledgers(file: SqliteFile): Part<'hold' | 'settle'> {
  return {
    async hold(ledger, request) {
      return file.write((time) => {
        file.sweep(time)
        return hold(ledgerRows(file, ledger), request, time)
      })
    },
    async settle(ledger, request) {
      return file.write((time) => settle(ledgerRows(file, ledger), request, time))
    },
  }
}

/** Retries the change to WAL, which ignores the busy timeout; a second process finds it done. */
function useWal(db: SqliteDatabase, until: number): void {
  for (;;) {
    try {
      db.exec('pragma journal_mode = wal; pragma synchronous = normal')
      return
    } catch (error) {
      if (!isBusy(error) || Date.now() >= until) throw error
    }
  }
}

/** SQLITE_BUSY and its extensions: a number of node:sqlite, a name of better-sqlite3. */
function isBusy(error: unknown): boolean {
  const { errcode, code } = asObject(error)
  return (Number(errcode) & 255) === 5 || String(code).startsWith('SQLITE_BUSY')
}

const ledgerRows = (file: SqliteFile, ledger: string): LedgerRows => ({
  cap(key) {
    const sql = 'select used, held, expires from tetrad_cap where ledger = ? and key = ?'
    const row = file.row(sql, ledger, key)
    return row && { used: Number(row.used), held: Number(row.held), expires: Number(row.expires) }
  },
  putCap(key, { used, held, expires }) {
    const sql = 'insert or replace into tetrad_cap values (?, ?, ?, ?, ?)'
    file.run(sql, ledger, key, used, held, expires)
  },
  hold(id) {
    const sql = 'select live, amounts, due from tetrad_hold where ledger = ? and id = ?'
    const row = file.row(sql, ledger, id)
    if (!row) return undefined
    return {
      isLive: row.live === 1,
      amounts: JSON.parse(String(row.amounts)),
      due: Number(row.due),
    }
  },
  putHold(id, { isLive, amounts, due }) {
    const sql = 'insert or replace into tetrad_hold values (?, ?, ?, ?, ?)'
    file.run(sql, ledger, id, isLive ? 1 : 0, JSON.stringify(amounts), due)
  },
  deleteHold: (id) =>
    void file.run('delete from tetrad_hold where ledger = ? and id = ?', ledger, id),
  due(now) {
    const due = 'ledger = ? and due <= ? order by due limit 1000'
    return file.texts(`select id from tetrad_hold where ${due}`, ledger, now)
  },
})

const wrongKind = (key: string) =>
  new TetradError(`The store has a value of another kind under ${key}`)
