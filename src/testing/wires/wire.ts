/** What a wire is: one answer as a plain body and as events, and failures in the provider's own words. */
import type { JsonObject } from '../../chat/index.js'
import type { MakeId } from '../random.js'
import type { Answer, Failure, ProviderName, SseEvent } from '../script.js'

/** What an answer is rendered for. */
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
  /** Shape of the provider's request id. */
  requestId(id: MakeId): string
  /** Of every response with this status. */
  headers(context: RenderContext): Readonly<Record<string, string>>
  body(answer: Answer, context: RenderContext): JsonObject
  events(answer: Answer, context: RenderContext): readonly SseEvent[]
  failure(failure: Failure, context: RenderContext): HttpFailure
  /** What a stream ends with that fails after the events `before`. */
  failureEvents(
    failure: Failure,
    context: RenderContext,
    before: readonly SseEvent[],
  ): readonly SseEvent[]
  /** The body of an endpoint that counts. */
  count(tokens: number): JsonObject
}

/** A script says what this wire has no words for. */
class UnrenderableError extends Error {
  override readonly name = 'UnrenderableError'
}

export const unrenderable = (what: string, wire: string): never => {
  throw new UnrenderableError(`${wire} has no ${what}: take it out of the reply for this provider`)
}
