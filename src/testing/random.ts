/** Pseudo-random numbers and ids that are the same in every run. */

/** mulberry32: numbers from 0 (inclusive) to 1 (exclusive). */
export function randomOf(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let t = Math.imul(state ^ (state >>> 15), state | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296
  }
}

const alphabets = {
  hex: '0123456789abcdef',
  base62: 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789',
} as const

/** Creates ids in a provider's format: a prefix and `length` characters. */
export type MakeId = (prefix: string, length: number, alphabet?: keyof typeof alphabets) => string

export function idsOf(seed: number): MakeId {
  // spreads consecutive seeds
  const random = randomOf(Math.imul(seed + 1, 0x9e3779b1))
  return (prefix, length, alphabet = 'base62') => {
    const letters = alphabets[alphabet]
    let id = prefix
    for (let i = 0; i < length; i++) id += letters[Math.floor(random() * letters.length)]
    return id
  }
}

export const uuidOf = (id: MakeId) =>
  [8, 4, 4, 4, 12].map((length) => id('', length, 'hex')).join('-')
