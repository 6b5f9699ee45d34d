/** The parts put together: models, cap, histories, webhook. */
import { createClient, type ProviderAdapter } from 'tetrad'
import { standard } from 'tetrad/middleware'
import { createBot } from './bot.js'
import { createConversations } from './conversations.js'
import { type Caller, costCap } from './cost-cap.js'
import { createGraph } from './graph.js'
import { createWebhook, type Webhook } from './server.js'

export interface AppOptions {
  readonly appSecret: string
  readonly verifyToken: string
  readonly graph: { readonly token: string; readonly baseURL?: string | undefined }
  readonly model: string
  /** USD a number and day. @default 0.5 */
  readonly capUsd?: number | undefined
  /** @default the four, with keys from the environment */
  readonly providers?: readonly ProviderAdapter[] | undefined
  readonly onError?: ((error: unknown) => void) | undefined
}

export function createApp(options: AppOptions): Webhook {
  const { appSecret, verifyToken, model, capUsd = 0.5, providers, onError } = options
  const cap = costCap({ capUsd })
  const ai = createClient<Caller>({
    providers,
    use: [
      cap.layer,
      ...standard<Caller>({ usage: { onUsage: cap.onUsage }, history: { maxTokens: 'model' } }),
    ],
  })
  const answer = createBot({
    ai,
    graph: createGraph(options.graph),
    conversations: createConversations(),
    model,
    onError,
  })
  return createWebhook({ appSecret, verifyToken, answer })
}
