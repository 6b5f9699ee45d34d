/** `tetrad/http/web`: the route handler for platforms with `Request` and `Response`. */
export type { Exposure, FormatName, UiMetadata } from './formats/index.js'
export type { InputOptions } from './input/parts.js'
export type {
  Access,
  BaseHandlerOptions,
  BeforeInfo,
  FinishInfo,
  HandlerClient,
  HandlerOptions,
  HistoryInfo,
} from './options.js'
export type { PublicError } from './public-error.js'
export { handler } from './route.js'
