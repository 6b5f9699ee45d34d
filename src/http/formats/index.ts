export { chunks } from './chunks/index.js'
export * from './format.js'
export { modelList, modelObject } from './openai/index.js'
export {
  checkFormat,
  formatNamed,
  formatOfBody,
  formatOfPath,
  isServed,
  modelOf,
} from './registry.js'
export { type UiMetadata, ui } from './ui/index.js'
