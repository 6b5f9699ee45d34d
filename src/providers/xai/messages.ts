/** Messages to input items: as OpenAI. */
export { toInput } from '../openai/messages.js'
