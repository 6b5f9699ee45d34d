/** Meta delivers a webhook again until it is answered, and sometimes after: each id counts once. */

/** Gives a function that is true the first time it sees an id. It remembers the last `size` of them. */
export function once(size = 10_000): (id: string) => boolean {
  const seen = new Set<string>()
  return (id) => {
    if (seen.has(id)) return false
    seen.add(id)
    // a Set keeps the order of insertion: the first is the oldest
    for (const oldest of seen) {
      if (seen.size <= size) break
      seen.delete(oldest)
    }
    return true
  }
}
