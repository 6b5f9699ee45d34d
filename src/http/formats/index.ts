export { chunks } from './chunks/index.js'
export * from './format.js'
export { modelList, openai } from './openai/index.js'
export { ui } from './ui/index.js'
