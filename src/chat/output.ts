/** What stands beside the text of an answer: citations, hosted tools, logprobs, warnings, attempts. */
import type { Usage } from './usage.js'

export type FinishReason = 'stop' | 'length' | 'tool_calls' | 'content_filter'

/** A source of what was said. Positions are UTF-16 indices into the text of the message. */
export type Annotation = UrlCitation | FileCitation

export interface UrlCitation {
  readonly type: 'url_citation'
  readonly url_citation: {
    readonly url: string
    readonly title?: string
    readonly start_index?: number
    readonly end_index?: number
    readonly cited_text?: string
  }
}

export interface FileCitation {
  readonly type: 'file_citation'
  readonly file_citation: {
    readonly file_id?: string
    readonly filename?: string
    readonly container_id?: string
    /** Position of the document among those of the request. */
    readonly document_index?: number
    readonly page?: number
    readonly end_page?: number
    readonly start_index?: number
    readonly end_index?: number
    readonly cited_text?: string
  }
}

/** A tool that the provider ran itself. */
export interface HostedTool {
  readonly id: string
  readonly name: string
  /** The label of the MCP server that has it. */
  readonly server?: string
  readonly status: 'running' | 'done' | 'failed'
  readonly input?: unknown
  readonly output?: unknown
}

export interface TokenLogprob {
  readonly token: string
  readonly logprob: number
  readonly bytes?: readonly number[] | null
  readonly top_logprobs?: readonly Omit<TokenLogprob, 'top_logprobs'>[]
}

export interface LogprobContent {
  readonly content: readonly TokenLogprob[]
}

/** What was changed, dropped or repaired on the way: nothing is lost without one. */
export interface Warning {
  readonly code: 'dropped' | 'changed' | 'repaired' | 'ignored' | 'fallback' | 'other'
  readonly message: string
  readonly param?: string
  readonly provider?: string
}

/** One provider call. */
export interface Attempt {
  readonly provider: string
  /** As it was asked, without the provider. */
  readonly model: string
  /** As the answer told it. */
  readonly answered?: string
  readonly status: 'running' | 'ok' | 'failed' | 'aborted'
  /** While it runs the best that is known, in the end what was used; with its `cost` where a price is known. */
  readonly usage: Usage
  readonly warnings: readonly Warning[]
  /** Epoch milliseconds. */
  readonly started: number
  readonly first_chunk_ms?: number
  readonly total_ms?: number
  readonly error?: unknown
  readonly request_id?: string
  /** Of the response, names in lower case: rate limits are there. No cookies, no keys. */
  readonly headers?: Readonly<Record<string, string>>
  /** The tier that served it, where the provider told. */
  readonly service_tier?: string
  /** Who gave `usage.cost`; absent where it is unknown. */
  readonly cost_source?: 'provider' | 'prices'
}
