/** What a row of the fault matrix is: what the server does, what the caller does, and what has to come of it. */
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
  /** The class of the error. Absent: the call brings its answer. */
  readonly error?: string
  readonly code?: string
  readonly phase?: Phase
  readonly retryAfterMs?: number
  /** That reached the server with their whole body. */
  readonly requests: number
  /** Attempts, where not each of them reached the server. @default as many as requests */
  readonly attempts?: number
  /** Milliseconds between attempts, exactly; the jitter stands in its middle. */
  readonly waits?: readonly number[]
  /** Words of the scripted text that the answer, or the error's `partial`, holds. @default all of them, of an error none */
  readonly words?: number
  /** `told` by the provider, `counted` by us and marked, `none`: nothing was used. @default told, of an error none */
  readonly usage?: 'told' | 'counted' | 'none'
  /** Tools that ran. @default 0 */
  readonly toolRuns?: number
}

/** What the caller of a row has at hand. */
export interface Calling {
  readonly ai: Client
  readonly request: ChatRequest
  readonly mode: Mode
  readonly server: FaultServer
  readonly controller: AbortController
  readonly timeouts: Timeouts
  /** Resolves when a wait before a retry has begun. */
  readonly waiting: Promise<void>
  /** Called for each chunk that was taken. */
  readonly onRead: () => void
}

/** What a caller got. */
export interface Got {
  readonly chunks: readonly StreamChunk[]
  readonly response?: ChatResponse
  readonly error?: unknown
  /** It left before the end. */
  readonly hasLeft?: true
}

export type Caller = (calling: Calling) => Promise<Got>

export interface Row {
  /** `A1`, or `A5 (401)` where a row of the matrix has several cases. */
  readonly id: string
  /** What happens, for the page. */
  readonly fault: string
  readonly only?: (setting: Setting) => boolean
  /** One a request, the last again and again. None: nobody listens. */
  readonly answers: (setting: Setting) => readonly Answer[]
  /** All that the server has to say. @default the seven words of `text` */
  readonly said?: string
  readonly timeouts?: Timeouts
  readonly retry?: RetryOptions
  /** Options of the provider. */
  readonly limits?: { readonly maxEventBytes?: number }
  /** The clock of `retry` stands still. */
  readonly holdsWait?: boolean
  /** Whether the first attempt cost nothing, so that its retry waited for nothing: it may depend on how fast the machine is. */
  readonly isFree?: (answer: Pick<ChatResponse, 'attempts'>, setting: Setting) => boolean
  /** @default reads to the end */
  readonly caller?: Caller
  readonly expect: Expectation | ((setting: Setting) => Expectation)
  /** For the page, where a call ends in neither an answer nor an error. */
  readonly outcome?: string
  /** What this row has to hold beside the contract and `expect`: throws where it does not. */
  readonly also?: (got: Got, setting: Setting) => void
}

/** A row that is proven by a suite of its own, or that cannot be made. */
export interface ProvenElsewhere {
  readonly id: string
  readonly fault: string
  readonly outcome: string
  /** A test file, and words of its test. Absent: the row cannot be made. */
  readonly test?: readonly [file: string, words: string]
}

const transports = ['node:http', 'fetch'] as const
const modes = ['generate', 'stream'] as const

/** Every way to run a row. */
export const settingsOf = (row: Row): readonly Setting[] =>
  names
    .flatMap((name) =>
      transports.flatMap((transport) => modes.map((mode) => ({ name, transport, mode }))),
    )
    .filter((setting) => row.only?.(setting) ?? true)

export const expectationOf = ({ expect }: Row, setting: Setting): Expectation =>
  typeof expect === 'function' ? expect(setting) : expect
