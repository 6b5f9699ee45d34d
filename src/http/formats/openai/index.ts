export { modelList, modelObject, openai } from './openai.js'
