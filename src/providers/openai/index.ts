export { type OpenAIOptions, openai } from './openai.js'
export type { ResponsesClient } from './sdk.js'
