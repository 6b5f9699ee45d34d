export { type CompatibleOptions, compatible } from './compatible.js'
export type { ServerTraits } from './models.js'
