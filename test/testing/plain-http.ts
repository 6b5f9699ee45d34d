/** A client without any SDK: the wire, byte for byte. */
import type { MockServer, ProviderName } from '../../src/testing/index.js'
import { models } from './official.js'

export interface PostOptions {
  readonly stream?: boolean
  readonly body?: Readonly<Record<string, unknown>>
  readonly headers?: Readonly<Record<string, string>>
  readonly signal?: AbortSignal
}

const paths: Readonly<Record<ProviderName, string>> = {
  openai: '/responses',
  xai: '/responses',
  anthropic: '/v1/messages',
  gemini: `/v1beta/models/${models.gemini}:generateContent`,
  compatible: '/chat/completions',
}

const streamPaths: Readonly<Record<ProviderName, string>> = {
  ...paths,
  gemini: `/v1beta/models/${models.gemini}:streamGenerateContent?alt=sse`,
}

/** Sends one request over `fetch`. */
export function post(
  server: MockServer,
  provider: ProviderName,
  { stream = false, body, headers, signal }: PostOptions = {},
): Promise<Response> {
  const { apiKey, baseURL } = server.options(provider)
  const path = stream ? streamPaths[provider] : paths[provider]
  const streamed = stream && provider !== 'gemini' ? { stream: true } : {}
  return fetch(baseURL + path, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      authorization: `Bearer ${apiKey}`,
      ...headers,
    },
    body: JSON.stringify({ model: models[provider], ...streamed, ...body }),
    ...(signal && { signal }),
  })
}

/** The network reads of a body. Throws the error of the body if it breaks. */
export async function* reads(response: Response): AsyncGenerator<Uint8Array> {
  if (response.body) for await (const bytes of response.body) yield bytes
}

export interface Ending {
  readonly text: string
  readonly isBroken: boolean
}

/** Everything that arrived of a body, and whether it broke. */
export async function endingOf(response: Response): Promise<Ending> {
  const decoder = new TextDecoder()
  let text = ''
  try {
    for await (const bytes of reads(response)) text += decoder.decode(bytes, { stream: true })
    return { text, isBroken: false }
  } catch {
    return { text, isBroken: true }
  }
}

/** Frames of a body, separated by blank lines. */
export const framesOf = (text: string): readonly string[] =>
  text.split(/\r\n\r\n|\n\n/).filter((frame) => frame !== '')
