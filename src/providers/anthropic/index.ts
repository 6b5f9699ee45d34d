export { type AnthropicOptions, anthropic } from './anthropic.js'
export type { AnthropicClient } from './sdk.js'
