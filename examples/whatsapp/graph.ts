/** The few calls of the Graph API that a bot needs. https://developers.facebook.com/docs/whatsapp/cloud-api/reference */
import { setTimeout as sleep } from 'node:timers/promises'
import { z } from 'zod'
import { GraphError, waitBefore } from './graph-error.js'
import type { Recipient } from './people.js'

export interface GraphOptions {
  readonly token: string
  /** @default 'https://graph.facebook.com/v23.0' */
  readonly baseURL?: string | undefined
  /** For tests: waits between repeats. */
  readonly wait?: ((ms: number, signal: AbortSignal) => Promise<unknown>) | undefined
  /** Of one call. Milliseconds. @default 20_000 */
  readonly timeoutMs?: number | undefined
}

export interface MediaInfo {
  readonly url: string
  readonly mime_type: string
  readonly sha256?: string | null | undefined
}

/** Each call throws `GraphError`, or the reason of the signal while it waits. */
export interface Graph {
  /** At most 4,096 characters. Repeated where Graph says so; gives the id that a later `failed` status names. */
  sendText(phoneNumberId: string, to: Recipient, text: string, signal: AbortSignal): Promise<string>
  /** Marks a message as read and shows that we type, for 25 seconds or until we answer. Not repeated. */
  showTyping(phoneNumberId: string, messageId: string, signal: AbortSignal): Promise<void>
  describe(mediaId: string, signal: AbortSignal): Promise<MediaInfo>
  /** The rest of what is too large is not read. */
  load(url: string, maxBytes: number, signal: AbortSignal): Promise<Buffer | 'too large'>
}

const sent = z.object({ messages: z.array(z.object({ id: z.string() })).min(1) })
const failed = z.object({ error: z.object({ code: z.number() }) })
const media = z.object({ url: z.url(), mime_type: z.string(), sha256: z.string().nullish() })

const typingTimeoutMs = 5_000

export function createGraph(options: GraphOptions): Graph {
  const { token, baseURL = 'https://graph.facebook.com/v23.0', timeoutMs = 20_000 } = options
  const wait = options.wait ?? ((ms, signal) => sleep(ms, undefined, { signal }))

  const call = async (url: string, signal: AbortSignal, init: RequestInit = {}, ms = timeoutMs) => {
    const headers = { authorization: `Bearer ${token}`, ...init.headers }
    const both = AbortSignal.any([signal, AbortSignal.timeout(ms)])
    const response = await fetch(url, { ...init, headers, signal: both }).catch((cause) => {
      throw new GraphError(pathOf(url), { status: 0, isUnknown: !isBeforeSending(cause), cause })
    })
    if (response.ok) return response
    throw refusal(url, response, await response.json().catch(() => undefined))
  }

  const post = async (id: string, body: object, signal: AbortSignal, ms?: number) => {
    const url = `${baseURL}/${id}/messages`
    const headers = { 'content-type': 'application/json' }
    const text = JSON.stringify({ messaging_product: 'whatsapp', ...body })
    const response = await call(url, signal, { method: 'POST', headers, body: text }, ms)
    const answer: unknown = await response.json().catch(() => undefined)
    if (failed.safeParse(answer).success) throw refusal(url, response, answer)
    return { url, status: response.status, answer }
  }

  const send = async (id: string, body: object, signal: AbortSignal) => {
    const { url, status, answer } = await post(id, body, signal)
    const { data } = sent.safeParse(answer)
    // a 200 that is no success: a page of a proxy
    if (!data) throw new GraphError(pathOf(url), { status, isUnknown: true })
    return data.messages[0]?.id ?? ''
  }

  return {
    async sendText(id, to, body, signal) {
      const message = { ...to, type: 'text', text: { preview_url: false, body } }
      for (let repeat = 0; ; repeat++) {
        try {
          return await send(id, message, signal)
        } catch (error) {
          const waitMs = error instanceof GraphError ? waitBefore(repeat, error) : undefined
          if (waitMs === undefined) throw error
          await wait(waitMs, signal)
        }
      }
    },
    async showTyping(id, messageId, signal) {
      const typing_indicator = { type: 'text' }
      const body = { status: 'read', message_id: messageId, typing_indicator }
      await post(id, body, signal, typingTimeoutMs)
    },
    async describe(mediaId, signal) {
      const url = `${baseURL}/${encodeURIComponent(mediaId)}`
      const response = await call(url, signal)
      const { data } = media.safeParse(await response.json().catch(() => undefined))
      if (!data) throw new GraphError(pathOf(url), { status: response.status })
      return data
    },
    async load(url, maxBytes, signal) {
      const response = await call(url, signal)
      return readAtMost(response, maxBytes)
    },
  }
}

const pathOf = (url: string) => new URL(url).pathname

function refusal(url: string, response: Response, answer: unknown): GraphError {
  const after = Number(response.headers.get('retry-after') ?? undefined)
  return new GraphError(pathOf(url), {
    status: response.status,
    code: failed.safeParse(answer).data?.error.code,
    // a gateway that gave up waiting: the API may have gone on
    isUnknown: response.status === 504,
    retryAfterMs: Number.isFinite(after) ? after * 1000 : undefined,
  })
}

const noConnection = ['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'UND_ERR_CONNECT_TIMEOUT']

/** No byte has left: a repeat is harmless. */
const isBeforeSending = (error: unknown) =>
  error instanceof Error && noConnection.includes(String((error.cause as { code?: unknown })?.code))

/** What `file_size` says is not believed. */
async function readAtMost(response: Response, maxBytes: number): Promise<Buffer | 'too large'> {
  const chunks: Uint8Array[] = []
  let size = 0
  for await (const chunk of response.body ?? []) {
    size += chunk.length
    if (size > maxBytes) return 'too large'
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}
