/** The package's front door: the client with its four providers, and the types of everything. */
export type * from './chat/index.js'
export { addUsage, estimateTokens } from './chat/index.js'
export type { Client, ClientOptions } from './client.js'
export * from './core/index.js'
export { createClient, type DefaultClientOptions } from './default-client.js'
