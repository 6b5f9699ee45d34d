export { chunks } from './chunks/index.js'
export * from './format.js'
export { modelList, openai } from './openai/index.js'
export { type UiMetadata, ui } from './ui/index.js'
