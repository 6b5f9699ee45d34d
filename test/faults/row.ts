/**
 * A row of the fault matrix: what the server does, what the caller does, and the expected outcome.
 */
import type { RetryOptions } from '../../middleware/retry.js'
import type { ChatRequest, ChatResponse, StreamChunk, Timeouts } from '../../src/chat/index.js'
import type { Client } from '../../src/client.js'
import type { Phase } from '../../src/core/index.js'
import { type Name, names } from '../wire/support.js'
import type { Answer, FaultServer } from './server.js'

export type Mode = 'generate' | 'stream'
export type TransportName = 'node:http' | 'fetch'

/** One way to run a row. */
export interface Setting {
  readonly name: Name
  readonly transport: TransportName
  readonly mode: Mode
}

export interface Expectation {
  /** The class of the error. Absent: the call returns a response. */
  readonly error?: string
  readonly code?: string
  readonly phase?: Phase
  readonly retryAfterMs?: number
  /** Requests that reached the server with their whole body. */
  readonly requests: number
  /** Attempts, if not each of them reached the server. @default as many as requests */
  readonly attempts?: number
  /** Exact waits between attempts, in milliseconds; the jitter is fixed at its middle. */
  readonly waits?: readonly number[]
  /**
   * Words of the scripted text in the response, or in the error's `partial`. @default all of them,
   * of an error none
   */
  readonly words?: number
  /**
   * `told` by the provider, `counted` by us and marked as estimated, `none`: nothing was used.
   * @default told, of an error none
   */
  readonly usage?: 'told' | 'counted' | 'none'
  /** Tools that were executed. @default 0 */
  readonly toolRuns?: number
}

/** What the caller of a row can use. */
export interface Calling {
  readonly ai: Client
  readonly request: ChatRequest
  readonly mode: Mode
  readonly server: FaultServer
  readonly controller: AbortController
  readonly timeouts: Timeouts
  /** Resolves when a wait before a retry has started. */
  readonly waiting: Promise<void>
  /** Called for each chunk that was read. */
  readonly onRead: () => void
}

/** What the caller received. */
export interface Got {
  readonly chunks: readonly StreamChunk[]
  readonly response?: ChatResponse
  readonly error?: unknown
  /** The caller stopped before the end. */
  readonly hasLeft?: true
}

export type Caller = (calling: Calling) => Promise<Got>

export interface Row {
  /** `A1`, or `A5 (401)` where a row of the matrix has several cases. */
  readonly id: string
  /** The fault, for docs/faults.md. */
  readonly fault: string
  readonly only?: (setting: Setting) => boolean
  /** One per request, the last one repeats. None: no server is listening. */
  readonly answers: (setting: Setting) => readonly Answer[]
  /** The reply of the server. @default the seven words of `text` */
  readonly script?: string
  readonly timeouts?: Timeouts
  readonly retry?: RetryOptions
  /** Options of the provider. */
  readonly limits?: { readonly maxEventBytes?: number }
  /** The clock of `retry` never advances. */
  readonly holdsWait?: boolean
  /**
   * Whether the retry of a free first attempt does not wait: it may depend on the speed of the
   * machine.
   */
  readonly isFree?: (answer: Pick<ChatResponse, 'attempts'>, setting: Setting) => boolean
  /** @default reads to the end */
  readonly caller?: Caller
  readonly expect: Expectation | ((setting: Setting) => Expectation)
  /** The outcome for docs/faults.md, if a call ends in neither a response nor an error. */
  readonly outcome?: string
  /** Further assertions of this row beside the contract and `expect`; throws. */
  readonly also?: (got: Got, setting: Setting) => void
}

/** A row that another suite asserts, or that cannot be reproduced. */
export interface ProvenElsewhere {
  readonly id: string
  readonly fault: string
  readonly outcome: string
  /** A test file, and a part of the test's title. Absent: the row cannot be reproduced. */
  readonly test?: readonly [file: string, words: string]
}

const transports = ['node:http', 'fetch'] as const
const modes = ['generate', 'stream'] as const

/** Every combination in which the row runs. */
export const settingsOf = (row: Row): readonly Setting[] =>
  names
    .flatMap((name) =>
      transports.flatMap((transport) => modes.map((mode) => ({ name, transport, mode }))),
    )
    .filter((setting) => row.only?.(setting) ?? true)

export const expectationOf = ({ expect }: Row, setting: Setting): Expectation =>
  typeof expect === 'function' ? expect(setting) : expect
