/** The official `openai` client as transport. */
export { clientFetch, type OpenAIClient as ResponsesClient } from '../../transport/index.js'
