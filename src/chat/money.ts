/** USD as integers of 1e-15, so that sums of many small costs do not drift. */

const perUsd = 10 ** 15

/** The nearest integer of 1e-15 USD; 0 if not finite. */
export const toUnits = (usd: number): bigint => {
  const units = Math.round(usd * perUsd)
  return Number.isFinite(units) ? BigInt(units) : 0n
}

export const toUsd = (units: bigint): number => Number(units) / perUsd
