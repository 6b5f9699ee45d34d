export { type XaiOptions, xai } from './xai.js'
