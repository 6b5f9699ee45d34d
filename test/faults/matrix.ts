/** Runs rows in all their settings. */
import { differences, violations } from './contract.js'
import { type Row, type Setting, settingsOf } from './row.js'
import { type Observed, run } from './run.js'

export interface Ran {
  readonly row: Row
  readonly setting: Setting
  readonly observed: Observed
  /** Every difference from the row and the contract. */
  readonly problems: readonly string[]
}

export const runRow = (row: Row): Promise<readonly Ran[]> =>
  Promise.all(
    settingsOf(row).map(async (setting) => {
      const observed = await run(row, setting)
      const problems = [
        ...differences(row, setting, observed),
        ...violations(observed, setting),
        ...more(() => row.also?.(observed, setting)),
      ]
      return { row, setting, observed, problems }
    }),
  )

function more(check: () => void): readonly string[] {
  try {
    check()
    return []
  } catch (error) {
    return [String(error)]
  }
}

/** In words, for the message of a failing row. */
export const problemsOf = (ran: readonly Ran[]): readonly string[] =>
  ran.flatMap(({ row, setting, problems }) =>
    problems.map((problem) => `${row.id}, ${Object.values(setting).join(' ')}: ${problem}`),
  )
