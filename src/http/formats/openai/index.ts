export { modelList, openai } from './openai.js'
