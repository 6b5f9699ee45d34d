export { type GeminiOptions, gemini } from './gemini.js'
export type { InlineFilesOptions } from './inline-files.js'
export type { GeminiClient } from './sdk.js'
