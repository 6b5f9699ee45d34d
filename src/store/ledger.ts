/** Budget accounting: holds on several caps, all or none; shared by stores within this process. */

export interface CapHold {
  /** The capped subject and its window: `user:7:2025-06`. */
  readonly key: string
  /** An integer from 0: cents, tokens, billionths of a dollar. */
  readonly amount: number
  /**
   * What this hold already has on the cap, as its caller knows it: of `amount` only what the hold
   * does not have yet is added, so that a request which arrives twice holds once.
   * @default unknown: all of `amount` is added
   */
  readonly held?: number | undefined
  /** Maximum of used plus held. */
  readonly limit: number
  /** How long the cap is kept from now. Milliseconds. */
  readonly ttlMs: number
}

export interface HoldRequest {
  readonly id: string
  /** A hold that is not renewed for this long is booked as used. Milliseconds. */
  readonly leaseMs: number
  readonly caps: readonly CapHold[]
}

export interface SettleRequest {
  readonly id: string
  /** The actual amounts. */
  readonly caps: readonly Omit<CapHold, 'limit' | 'held'>[]
}

export interface CapState {
  readonly key: string
  readonly used: number
  readonly held: number
}

export interface HoldResult {
  /** False when nothing was held, as a cap would be exceeded. */
  readonly isHeld: boolean
  /** The current caps of the request, in its order. */
  readonly caps: readonly CapState[]
  /** The clock of the store. Milliseconds. */
  readonly now: number
}

/** How long an ended hold is known, so that a late or repeated settle corrects it. Milliseconds. */
export const lateMs = 3_600_000

export interface CapRow {
  used: number
  held: number
  expires: number
}

export interface HoldRow {
  isLive: boolean
  amounts: Record<string, number>
  /** When a live hold is booked, and an ended one deleted. */
  due: number
}

/** The rows of one ledger. `hold` and `settle` each run in one transaction of the store. */
export interface LedgerRows {
  cap(key: string): CapRow | undefined
  putCap(key: string, row: CapRow): void
  hold(id: string): HoldRow | undefined
  putHold(id: string, row: HoldRow): void
  deleteHold(id: string): void
  /** Ids of the holds that are due. */
  due(now: number): readonly string[]
}

/** Creates a hold, or adds to one and renews its lease. */
export function hold(rows: LedgerRows, request: HoldRequest, now: number): HoldResult {
  sweep(rows, now)
  const known = rows.hold(request.id)
  const caps = request.caps.map((cap) => ({ ...cap, amount: missingOf(cap, known) }))
  const states = caps.map((cap) => stateOf(rows, cap.key, now))
  const isHeld = caps.every(({ amount, limit }, index) => {
    const { used = 0, held = 0 } = states[index] ?? {}
    return amount === 0 || used + held + amount <= limit
  })
  if (!isHeld) return { isHeld, caps: states, now }
  const amounts = { ...known?.amounts }
  // a booked hold becomes live again
  if (known && !known.isLive)
    for (const [key, amount] of Object.entries(amounts)) change(rows, key, -amount, amount, now)
  for (const { key, amount, ttlMs } of caps) {
    amounts[key] = (amounts[key] ?? 0) + amount
    change(rows, key, 0, amount, now, ttlMs)
  }
  rows.putHold(request.id, { isLive: true, amounts, due: now + request.leaseMs })
  return { isHeld, caps: caps.map(({ key }) => stateOf(rows, key, now)), now }
}

function missingOf({ key, amount, held }: CapHold, known: HoldRow | undefined): number {
  return held === undefined ? amount : Math.max(0, held + amount - (known?.amounts[key] ?? 0))
}

/** Books the actual amounts in place of those held or booked before. */
export function settle(rows: LedgerRows, request: SettleRequest, now: number): readonly CapState[] {
  sweep(rows, now)
  const known = rows.hold(request.id)
  for (const [key, amount] of Object.entries(known?.amounts ?? {}))
    change(rows, key, known?.isLive ? 0 : -amount, known?.isLive ? -amount : 0, now)
  const amounts: Record<string, number> = {}
  for (const { key, amount, ttlMs } of request.caps) {
    amounts[key] = amount
    change(rows, key, amount, 0, now, ttlMs)
  }
  rows.putHold(request.id, { isLive: false, amounts, due: now + lateMs })
  return request.caps.map(({ key }) => stateOf(rows, key, now))
}

/** Books holds whose lease has expired, and deletes those that ended long ago. */
function sweep(rows: LedgerRows, now: number): void {
  for (const id of rows.due(now)) {
    const row = rows.hold(id)
    if (!row?.isLive) rows.deleteHold(id)
    else {
      for (const [key, amount] of Object.entries(row.amounts))
        change(rows, key, amount, -amount, now)
      rows.putHold(id, { ...row, isLive: false, due: now + lateMs })
    }
  }
}

function stateOf(rows: LedgerRows, key: string, now: number): CapState {
  const row = rows.cap(key)
  if (!row || row.expires <= now) return { key, used: 0, held: 0 }
  return { key, used: row.used, held: row.held }
}

/** Changes a cap; an expired one only with `ttlMs`, which starts it anew. */
function change(
  rows: LedgerRows,
  key: string,
  ...[used, held, now, ttlMs = 0]: [number, number, number, number?]
): void {
  const row = rows.cap(key)
  const isKnown = row !== undefined && row.expires > now
  if (!isKnown && ttlMs === 0) return
  const before = isKnown ? row : { used: 0, held: 0, expires: 0 }
  rows.putCap(key, {
    used: Math.max(0, before.used + used),
    held: Math.max(0, before.held + held),
    expires: Math.max(before.expires, now + ttlMs),
  })
}
