/** The wire: OpenAI's. */
export { maxArgumentsLengthDefault, type Profile, type ResponsesBody } from '../openai/wire.js'
