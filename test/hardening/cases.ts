/** All rows of the hardening checklist, and the numbers without one. */

import { answers } from './answers.js'
import type { HardeningCase } from './case.js'
import { downloads } from './downloads.js'
import { dropping } from './dropping.js'
import { failures } from './failures.js'
import { framing } from './framing.js'
import { imports } from './import.js'
import { messages } from './messages.js'
import { params } from './params.js'
import { routing } from './routing.js'
import { schemas } from './schemas.js'
import { silences } from './silence.js'
import { streams } from './streams.js'
import { toolHistory } from './tool-history.js'
import { usage } from './usage.js'

/** The number of cases in the checklist. */
export const total = 146

export const cases: readonly HardeningCase[] = [
  ...routing,
  ...imports,
  ...params,
  ...dropping,
  ...messages,
  ...downloads,
  ...toolHistory,
  ...schemas,
  ...answers,
  ...streams,
  ...framing,
  ...usage,
  ...failures,
  ...silences,
]

/** Numbers without a row, with the reason. */
export const notFollowed: ReadonlyMap<number, string> = new Map([
  [
    125,
    'A guard that ends a stream because it repeats itself breaks tables, rulers and code; max_tokens and deadline() bound a call.',
  ],
])
