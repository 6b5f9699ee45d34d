/** USD as integers of 1e-15, so that sums of many small costs do not drift. */

const perUsd = 10 ** 15

/** The nearest integer of 1e-15 USD. */
export const toUnits = (usd: number): bigint => BigInt(Math.round(usd * perUsd))

/** USD of an integer of 1e-15 USD. */
export const toUsd = (units: bigint): number => Number(units) / perUsd
