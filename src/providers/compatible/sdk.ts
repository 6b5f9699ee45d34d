/** The official `openai` client as transport. */
export {
  clientBaseURL,
  clientFetch,
  type OpenAIClient as ChatClient,
} from '../../transport/index.js'
