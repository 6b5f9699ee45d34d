export * from './ui.js'
export type { UiMetadata } from './wire.js'
