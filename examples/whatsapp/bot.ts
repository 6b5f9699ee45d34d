/** From a message to its answer: typing, the model, parts of 4,096 characters. */
import { BudgetExceededError, type Client, type UserMessage } from 'tetrad'
import type { Conversations } from './conversations.js'
import type { Caller } from './cost-cap.js'
import type { Graph } from './graph.js'
import { splitText } from './split-text.js'
import type { Inbound } from './webhook.js'

export interface BotOptions {
  readonly ai: Client<Caller>
  readonly graph: Graph
  readonly conversations: Conversations
  readonly model: string
  /** Told what went wrong. @default console.error */
  readonly onError?: ((error: unknown) => void) | undefined
}

const system = {
  role: 'system',
  content: 'You answer in WhatsApp: short, friendly, plain text. *One star* makes a word bold.',
} as const

/** Below the 25 seconds after which WhatsApp takes the sign away. */
const typingMs = 20_000

/** Gives a function that answers one message. Its promise never rejects. */
export function createBot(options: BotOptions): (inbound: Inbound) => Promise<void> {
  const { graph, onError = console.error } = options
  return async function answer(inbound) {
    const stopTyping = keepTyping(graph, inbound, onError)
    try {
      const text = await reply(options, inbound).catch((error) => {
        if (!(error instanceof BudgetExceededError)) onError(error)
        return apology(error)
      })
      for (const part of splitText(text))
        await graph.sendText(inbound.phoneNumberId, inbound.from, part)
    } catch (error) {
      onError(error)
    } finally {
      stopTyping()
    }
  }
}

/** Asks the model. A turn is kept only whole: a question that failed is not asked again with the next. */
async function reply({ ai, graph, conversations, model }: BotOptions, inbound: Inbound) {
  const question = await toMessage(graph, inbound)
  if (!question) return 'I can read text and pictures only.'
  const phone = inbound.from
  const answer = await ai.generate(
    {
      model,
      messages: [system, ...conversations.get(phone), question],
      max_tokens: 4000,
      drop_params: true,
    },
    { state: { phone }, tags: { phone } },
  )
  conversations.add(phone, [question, ...answer.messages])
  return answer.text || answer.message.refusal || 'I have no answer to that.'
}

async function toMessage(graph: Graph, { content }: Inbound): Promise<UserMessage | undefined> {
  if (content.type === 'text') return { role: 'user', content: content.text }
  if (content.type === 'other') return undefined
  const url = await graph.download(content.mediaId)
  const caption = content.caption || 'What do you say to this picture?'
  return {
    role: 'user',
    content: [
      { type: 'text', text: caption },
      { type: 'image_url', image_url: { url } },
    ],
  }
}

const apology = (error: unknown): string =>
  error instanceof BudgetExceededError
    ? 'That was all for today. Write to me again tomorrow!'
    : 'Something went wrong here. Please try again in a minute.'

/** A sign that fails is no reason not to answer. */
function keepTyping(graph: Graph, inbound: Inbound, onError: (error: unknown) => void) {
  const show = () => void graph.showTyping(inbound.phoneNumberId, inbound.id).catch(onError)
  show()
  const timer = setInterval(show, typingMs)
  return () => clearInterval(timer)
}
