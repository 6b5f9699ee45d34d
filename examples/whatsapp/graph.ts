/** The few calls of the Graph API that a bot needs. https://developers.facebook.com/docs/whatsapp/cloud-api/reference */
import { z } from 'zod'

export interface GraphOptions {
  readonly token: string
  /** @default 'https://graph.facebook.com/v23.0' */
  readonly baseURL?: string | undefined
}

/** Each call throws `GraphError`, or what `fetch` throws. */
export interface Graph {
  /** At most 4,096 characters. */
  sendText(phoneNumberId: string, to: string, text: string): Promise<void>
  /** Marks a message as read and shows that we type, for 25 seconds or until we answer. */
  showTyping(phoneNumberId: string, messageId: string): Promise<void>
  /** A picture as a data URI. */
  download(mediaId: string): Promise<string>
}

export class GraphError extends Error {
  override readonly name = 'GraphError'
}

/** The API's own limit for pictures. */
const maxImageBytes = 5 * 1024 * 1024
const timeoutMs = 20_000

const media = z.object({
  url: z.url(),
  mime_type: z.string().regex(/^image\/(jpeg|png|webp)\b/),
  file_size: z.coerce.number().max(maxImageBytes),
})

export function createGraph({
  token,
  baseURL = 'https://graph.facebook.com/v23.0',
}: GraphOptions): Graph {
  const call = async (url: string, init: RequestInit = {}) => {
    const headers = { authorization: `Bearer ${token}`, ...init.headers }
    const response = await fetch(url, { ...init, headers, signal: AbortSignal.timeout(timeoutMs) })
    if (response.ok) return response
    await response.body?.cancel()
    // the path tells what was tried; the answer may quote what was said
    throw new GraphError(`${response.status} from ${new URL(url).pathname}`)
  }
  const post = async (phoneNumberId: string, body: object) => {
    const response = await call(`${baseURL}/${phoneNumberId}/messages`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ messaging_product: 'whatsapp', ...body }),
    })
    await response.body?.cancel()
  }
  return {
    sendText: (phoneNumberId, to, body) =>
      post(phoneNumberId, {
        recipient_type: 'individual',
        to,
        type: 'text',
        text: { preview_url: false, body },
      }),
    showTyping: (phoneNumberId, messageId) =>
      post(phoneNumberId, {
        status: 'read',
        message_id: messageId,
        typing_indicator: { type: 'text' },
      }),
    async download(mediaId) {
      const about = await call(`${baseURL}/${encodeURIComponent(mediaId)}`)
      const found = media.safeParse(await about.json())
      if (!found.success) throw new GraphError(`Media ${mediaId} is no picture within the limits`)
      const bytes = Buffer.from(await (await call(found.data.url)).arrayBuffer())
      const [type] = found.data.mime_type.split(';')
      return `data:${type};base64,${bytes.toString('base64')}`
    },
  }
}
