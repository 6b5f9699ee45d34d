export { chunks } from './chunks/index.js'
export * from './format.js'
export {
  checkFormat,
  formatOfBody,
  formatOfPath,
  isFormatName,
  isServed,
  loadFormat,
  modelList,
  modelObject,
  modelOf,
} from './registry.js'
export type { UiMetadata } from './ui/index.js'
