/** Parts of a response besides its text: citations, hosted tools, logprobs, warnings, attempts. */
import type { Usage } from './usage.js'

export type FinishReason = 'stop' | 'length' | 'tool_calls' | 'content_filter'

/** A citation. Positions are UTF-16 indices into the text of the message. */
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
    /** Index of the document among those of the request. */
    readonly document_index?: number
    readonly page?: number
    readonly end_page?: number
    readonly start_index?: number
    readonly end_index?: number
    readonly cited_text?: string
  }
}

/** A tool call run by the provider. */
export interface HostedTool {
  readonly id: string
  readonly name: string
  /** Label of the MCP server that provides the tool. */
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

/** Reports data that was changed, dropped or repaired: nothing is lost without a warning. */
export interface Warning {
  readonly code: 'dropped' | 'changed' | 'repaired' | 'ignored' | 'fallback' | 'other'
  readonly message: string
  readonly param?: string
  readonly provider?: string
}

/** One provider call. */
export interface Attempt {
  readonly provider: string
  /** The requested model, without the provider. */
  readonly model: string
  /** The model named in the response. */
  readonly answered?: string
  readonly status: 'running' | 'ok' | 'failed' | 'aborted'
  /** The best known usage while running, the final one at the end; with `cost` if priced. */
  readonly usage: Usage
  readonly warnings: readonly Warning[]
  /** Epoch milliseconds. */
  readonly started: number
  readonly first_chunk_ms?: number
  readonly total_ms?: number
  readonly error?: unknown
  readonly request_id?: string
  /** Response headers, rate limits included; names in lower case. No cookies, no keys. */
  readonly headers?: Readonly<Record<string, string>>
  /** The tier that served the call, if reported. */
  readonly service_tier?: string
  /** The source of `usage.cost`; absent if it is unknown. */
  readonly cost_source?: 'provider' | 'prices'
}
