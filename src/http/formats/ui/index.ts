export * from './ui.js'
export type { UiMessage, UiMetadata, UiPart } from './wire.js'
