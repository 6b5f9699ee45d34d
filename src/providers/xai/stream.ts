/** Streams: as OpenAI. xAI ends with `response.done` too, and its events of search tools are passed over. */
export { streamReader } from '../openai/stream.js'
