export type { AnswerOptions } from './answer.js'
export type { Chunks } from './chunks.js'
export type { Clock } from './clock.js'
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
