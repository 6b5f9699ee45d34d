/** A SQLite file that another process has locked, or that is none. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { sqliteStore } from '../../src/store/index.js'
import { DatabaseSync } from './sqlite.js'

const folder = mkdtempSync(join(tmpdir(), 'tetrad-sqlite-'))
afterAll(() => rmSync(folder, { recursive: true }))
const ttl = { ttlMs: 60_000 }

describe.runIf(DatabaseSync)('a SQLite file', () => {
  // skipped without SQLite
  const Database = DatabaseSync as NonNullable<typeof DatabaseSync>
  const fileOf = (name: string) => join(folder, `${name}.db`)

  /** A store, and another connection that has the file locked. */
  const locked = (name: string, busyMs: number) => {
    const store = sqliteStore(new Database(fileOf(name)), { busyMs })
    const other = new Database(fileOf(name))
    other.exec('begin immediate')
    return { store, unlock: () => other.exec('commit') }
  }

  it('that is locked is waited for while this process goes on, and written in order', async () => {
    const { store, unlock } = locked('waits', 60_000)
    const letters = 'abcdefgh'.split('')
    const writes = letters.map((letter) => store.append('log', [letter], ttl))
    // of this process: a wait that blocked it would never end
    setTimeout(unlock, 50)
    expect(await Promise.all(writes)).toEqual(letters.map((_, index) => index + 1))
    expect(await store.read('log', 0)).toEqual(letters)
  })

  it('that stays locked fails all writes that waited for it, and no later one', async () => {
    const { store, unlock } = locked('gives-up', 50)
    const writes = Array.from({ length: 20 }, () => store.increment('sum', 1, ttl))
    const busy = { status: 'rejected', reason: expect.objectContaining({ errcode: 5 }) }
    expect(await Promise.allSettled(writes)).toEqual(writes.map(() => busy))
    // a reader does not wait for a writer
    expect(await store.get('sum')).toBeUndefined()
    unlock()
    expect(await store.increment('sum', 1, ttl)).toBe(1)
  })

  it('that is no database is an error at once', () => {
    writeFileSync(fileOf('text'), 'This is text. '.repeat(1_000))
    const open = () => sqliteStore(new Database(fileOf('text')), { busyMs: 600_000 })
    expect(open).toThrow(expect.objectContaining({ errcode: 26 }))
  })
})
