/** The wire: OpenAI's. */
export type { Profile, ResponsesBody } from '../openai/wire.js'
