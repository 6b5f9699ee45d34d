/** Whole answers: as OpenAI. */
export { responseReader } from '../openai/response.js'
