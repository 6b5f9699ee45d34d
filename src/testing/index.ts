/**
 * Test tools for apps that call models: a loopback server with the wires of OpenAI, Anthropic,
 * Gemini, xAI and Chat Completions that answers from one script of replies (`mockServer`), and an
 * in-process provider without a wire (`scripted`). Node only, no dependency, no key, no network.
 *
 * @example
 * ```ts
 * import { callTool, fail, mockServer, say, think } from 'tetrad/testing'
 *
 * const server = await mockServer([
 *   think('A city.').callTool('get_weather', { city: 'Rome' }),  // thoughts, text and parallel calls in one reply
 *   say('Sunny.').usage({ prompt_tokens: 40, prompt_tokens_details: { cached_tokens: 32 } }),
 *   fail(429, { retryAfter: 2 }),                                // the provider's own status, headers and body
 *   say('One two three').failAfter(3, 'overloaded'),             // an error in the middle of a stream
 *   say('One two three').cut(2.5),                               // a connection that dies inside the third event
 *   say('One two three').stall(2),                               // a stream that falls silent
 *   say('One two three').splitBytes(1),                          // one byte a write
 *   (request) => say(`You asked for ${request.model}`),
 * ])
 * new OpenAI(server.options('openai'))                           // or `openai(server.options('openai'))` of this package
 * await server.close()
 * ```
 */
export type { AnswerOptions } from './answer.js'
export { type CassetteOptions, cassette, type TapedRequest } from './cassette.js'
export type { CheckFailure } from './check.js'
export { type CheckAdapterOptions, checkAdapter } from './check-adapter.js'
export { type CheckMiddlewareOptions, checkMiddleware } from './check-middleware.js'
export { type CheckStoreOptions, checkStore } from './check-store.js'
export type { Chunks } from './chunks.js'
export type { Clock } from './clock.js'
export type { GraphAnswer, GraphCall } from './graph/answers.js'
export {
  type FakeGraph,
  type FakeGraphOptions,
  fakeGraph,
  type GraphRequest,
  type SentMessage,
} from './graph/fake-graph.js'
export type { HeldMedia } from './graph/media.js'
export type { PairLimit } from './graph/pair-limit.js'
export {
  type DeliverOptions,
  messagesWebhook,
  type PersonMessage,
  signWebhook,
  webhookOf,
} from './graph/webhook.js'
export type { Step } from './queue.js'
export type { RecordedRequest } from './record.js'
export { type Api, events } from './render.js'
export * from './reply.js'
export type {
  Citation,
  CutHow,
  FailureKind,
  FailureOptions,
  Framing,
  ProviderName,
  ScriptedUsage,
  SseEvent,
} from './script.js'
export {
  type ScriptedOptions,
  type ScriptedProvider,
  type ScriptedStep,
  scripted,
} from './scripted.js'
export { type MockServer, type MockServerOptions, mockServer } from './server.js'
