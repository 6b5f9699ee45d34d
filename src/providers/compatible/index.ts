export { type CompatibleOptions, compatible } from './compatible.js'
export type { ServerTraits } from './models.js'
export type { ChatClient } from './sdk.js'
