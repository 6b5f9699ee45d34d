/**
 * A wire renders an answer as a plain body and as events, and failures in the provider's format.
 */
import type { JsonObject } from '../../chat/index.js'
import type { MakeId } from '../random.js'
import type { Answer, Failure, ProviderName, SseEvent } from '../script.js'

/** The request that an answer is rendered for. */
export interface RenderContext {
  readonly provider: ProviderName
  readonly model: string
  /** The request. */
  readonly body: JsonObject
  /** Unix seconds. */
  readonly created: number
  readonly requestId: string
  readonly id: MakeId
}

export interface HttpFailure {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: unknown
}

export interface Wire {
  readonly contentType: { readonly json: string; readonly stream: string }
  readonly lineEnd: '\n' | '\r\n'
  /** Creates a request id in the provider's format. */
  requestId(id: MakeId): string
  /** Headers of every response. */
  headers(context: RenderContext): Readonly<Record<string, string>>
  body(answer: Answer, context: RenderContext): JsonObject
  events(answer: Answer, context: RenderContext): readonly SseEvent[]
  failure(failure: Failure, context: RenderContext): HttpFailure
  /** The events that end a stream failing after the events `before`. */
  failureEvents(
    failure: Failure,
    context: RenderContext,
    before: readonly SseEvent[],
  ): readonly SseEvent[]
  /** The body of a token-counting endpoint. */
  count(tokens: number): JsonObject
}

/** A script contains something that the wire cannot express. */
class UnrenderableError extends Error {
  override readonly name = 'UnrenderableError'
}

export const unrenderable = (what: string, wire: string): never => {
  throw new UnrenderableError(`${wire} has no ${what}: remove it from the reply for this provider`)
}
