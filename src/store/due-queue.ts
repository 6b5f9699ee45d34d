/** Names in the order of the times at which they are due: a binary heap that knows their places. */

interface Entry {
  readonly name: string
  /** Among equal times the earlier name is first. */
  readonly order: number
  at: number
  /** Its index in the heap. */
  place: number
}

/** Each operation costs at most the logarithm of the number of names. */
export class DueQueue {
  /** No entry is due before its parent, which has half its index. */
  private readonly heap: Entry[] = []
  private readonly entries = new Map<string, Entry>()
  private count = 0

  get size(): number {
    return this.heap.length
  }

  timeOf(name: string): number | undefined {
    return this.entries.get(name)?.at
  }

  /** Adds a name, or moves it to another time. */
  set(name: string, at: number): void {
    const entry = this.entries.get(name) ?? this.add(name, at)
    entry.at = at
    this.settle(entry)
  }

  delete(name: string): void {
    const entry = this.entries.get(name)
    if (!entry) return
    this.entries.delete(name)
    const last = this.heap.pop()
    if (!last || last === entry) return
    this.put(last, entry.place)
    this.settle(last)
  }

  /** Removes and returns up to `limit` names that are due, the longest due first. */
  take(now: number, limit: number): readonly string[] {
    const due: string[] = []
    for (let first = this.heap[0]; first && due.length < limit; first = this.heap[0]) {
      if (first.at > now) break
      due.push(first.name)
      this.delete(first.name)
    }
    return due
  }

  private add(name: string, at: number): Entry {
    const entry: Entry = { name, order: this.count++, at, place: this.heap.length }
    this.entries.set(name, entry)
    this.heap.push(entry)
    return entry
  }

  private put(entry: Entry, place: number): void {
    entry.place = place
    this.heap[place] = entry
  }

  /** Moves an entry up to where its parent, or down to where both children, allow it. */
  private settle(entry: Entry): void {
    const parent = this.parentOf(entry)
    if (parent && isBefore(entry, parent)) this.rise(entry)
    else this.sink(entry)
  }

  private rise(entry: Entry): void {
    for (let above = this.parentOf(entry); above && isBefore(entry, above); ) {
      this.swap(entry, above)
      above = this.parentOf(entry)
    }
  }

  private sink(entry: Entry): void {
    for (let below = this.firstChildOf(entry); below && isBefore(below, entry); ) {
      this.swap(entry, below)
      below = this.firstChildOf(entry)
    }
  }

  private swap(a: Entry, b: Entry): void {
    const { place } = a
    this.put(a, b.place)
    this.put(b, place)
  }

  private parentOf({ place }: Entry): Entry | undefined {
    return place === 0 ? undefined : this.heap[(place - 1) >> 1]
  }

  /** The child that is due first. */
  private firstChildOf({ place }: Entry): Entry | undefined {
    const [left, right] = [this.heap[2 * place + 1], this.heap[2 * place + 2]]
    return left && right && isBefore(right, left) ? right : left
  }
}

const isBefore = (a: Entry, b: Entry) => a.at < b.at || (a.at === b.at && a.order < b.order)
