/** The official client of OpenAI with xAI's address: xAI has none of its own. */
export { type ResponsesClient, sdkTransport } from '../openai/sdk.js'
