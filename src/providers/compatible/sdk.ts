/** The official `openai` client as transport. */
export { clientFetch, type OpenAIClient as ChatClient } from '../../transport/index.js'
