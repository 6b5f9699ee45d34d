/** Tools: as OpenAI, with xAI's own ways in its profile. */
export { toToolChoice, toTools } from '../openai/tools.js'
