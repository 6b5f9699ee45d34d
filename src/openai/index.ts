export {
  type OpenAIClass,
  type OpenAIFetchOptions,
  openaiClient,
  openaiFetch,
} from './client.js'
export { asOpenAIError, type OpenAIError } from './error.js'
export { type FromOpenAIOptions, fromOpenAI, type OpenAIRequest } from './request.js'
export { type AsOpenAIOptions, asOpenAI } from './response.js'
export {
  type AsOpenAIStreamOptions,
  asOpenAIStream,
  type OpenAIEncoder,
  openAIEncoder,
} from './stream.js'
export type * from './types.js'
