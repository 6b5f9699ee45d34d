/** The official clients, each mapped to one shape of a response. */
import Anthropic from '@anthropic-ai/sdk'
import { GoogleGenAI } from '@google/genai'
import OpenAI from 'openai'
import type { MockServer, ProviderName } from '../../src/testing/index.js'

export interface Understood {
  readonly text: string
  readonly reasoning: string
  readonly calls: readonly { readonly name: string; readonly arguments: unknown }[]
  readonly refusal: string
  readonly finish: string | null | undefined
  readonly usage: unknown
  readonly model: string | undefined
}

export type Mode = 'plain' | 'streamed'

export const modes: readonly Mode[] = ['plain', 'streamed']
export const providers: readonly ProviderName[] = [
  'openai',
  'anthropic',
  'gemini',
  'xai',
  'compatible',
]

/** All pairs, for `test.each`. */
export const everyWire = providers.flatMap((provider) =>
  modes.map((mode) => ({ provider, mode }) as const),
)

const noRetries = { maxRetries: 0 }

export const openaiClient = (server: MockServer, provider: ProviderName = 'openai') =>
  new OpenAI({ ...server.options(provider), ...noRetries })

export const anthropicClient = (server: MockServer) =>
  new Anthropic({ ...server.options('anthropic'), ...noRetries })

export const geminiClient = (server: MockServer) => {
  const { apiKey, baseURL } = server.options('gemini')
  return new GoogleGenAI({ apiKey, httpOptions: { baseUrl: baseURL } })
}

export const models: Readonly<Record<ProviderName, string>> = {
  openai: 'gpt-5.5',
  anthropic: 'claude-opus-4-8',
  gemini: 'gemini-3.5-flash',
  xai: 'grok-4.3',
  compatible: 'mock-model',
}

/** Sends one request, over the official client of the provider. */
export function run(server: MockServer, provider: ProviderName, mode: Mode): Promise<Understood> {
  if (provider === 'anthropic') return sendMessages(server, mode)
  if (provider === 'gemini') return sendGemini(server, mode)
  if (provider === 'compatible') return sendChat(server, mode)
  return sendResponses(server, provider, mode)
}

async function sendResponses(
  server: MockServer,
  provider: ProviderName,
  mode: Mode,
): Promise<Understood> {
  const client = openaiClient(server, provider)
  const params = { model: models[provider], input: 'Hello?' }
  const response =
    mode === 'plain'
      ? await client.responses.create(params)
      : await client.responses.stream(params).finalResponse()
  const contents = response.output.flatMap((item) => (item.type === 'message' ? item.content : []))
  return {
    text: response.output_text,
    reasoning: response.output
      .flatMap((item) => (item.type === 'reasoning' ? item.summary : []))
      .map(({ text }) => text)
      .join('\n\n'),
    calls: response.output.flatMap((item) =>
      item.type === 'function_call'
        ? [{ name: item.name, arguments: JSON.parse(item.arguments) }]
        : [],
    ),
    refusal: contents.map((part) => (part.type === 'refusal' ? part.refusal : '')).join(''),
    finish: response.incomplete_details?.reason ?? response.status,
    usage: response.usage,
    model: response.model,
  }
}

async function sendMessages(server: MockServer, mode: Mode): Promise<Understood> {
  const client = anthropicClient(server)
  const params = {
    model: models.anthropic,
    max_tokens: 100,
    messages: [{ role: 'user' as const, content: 'Hello?' }],
  }
  const message =
    mode === 'plain'
      ? await client.messages.create(params)
      : await client.messages.stream(params).finalMessage()
  const { content } = message
  return {
    text: content.map((block) => (block.type === 'text' ? block.text : '')).join(''),
    reasoning: content.map((block) => (block.type === 'thinking' ? block.thinking : '')).join(''),
    calls: content.flatMap((block) =>
      block.type === 'tool_use' ? [{ name: block.name, arguments: block.input }] : [],
    ),
    refusal:
      message.stop_details?.type === 'refusal' ? (message.stop_details.explanation ?? '') : '',
    finish: message.stop_reason,
    usage: message.usage,
    model: message.model,
  }
}

async function sendGemini(server: MockServer, mode: Mode): Promise<Understood> {
  const client = geminiClient(server)
  const params = { model: models.gemini, contents: 'Hello?' }
  const responses = []
  if (mode === 'plain') responses.push(await client.models.generateContent(params))
  else
    for await (const response of await client.models.generateContentStream(params))
      responses.push(response)
  const candidates = responses.map(({ candidates }) => candidates?.[0])
  const parts = candidates.flatMap((candidate) => candidate?.content?.parts ?? [])
  const last = responses.at(-1)
  return {
    text: parts.map((part) => (part.thought ? '' : (part.text ?? ''))).join(''),
    reasoning: parts.map((part) => (part.thought ? (part.text ?? '') : '')).join(''),
    calls: parts.flatMap(({ functionCall }) =>
      functionCall ? [{ name: functionCall.name ?? '', arguments: functionCall.args }] : [],
    ),
    refusal: '',
    finish: last?.promptFeedback?.blockReason ?? candidates.at(-1)?.finishReason,
    usage: last?.usageMetadata,
    model: last?.modelVersion,
  }
}

async function sendChat(server: MockServer, mode: Mode): Promise<Understood> {
  const client = openaiClient(server, 'compatible')
  const params = {
    model: models.compatible,
    messages: [{ role: 'user' as const, content: 'Hello?' }],
  }
  if (mode === 'plain') return fromCompletion(await client.chat.completions.create(params))
  // the helper keeps only the last reasoning delta, which is no field of its own
  let reasoning = ''
  const stream = client.chat.completions.stream({
    ...params,
    stream_options: { include_usage: true },
  })
  stream.on('chunk', ({ choices }) => {
    // a field of compatible servers that OpenAI's types lack
    const delta: object = choices[0]?.delta ?? {}
    if ('reasoning_content' in delta) reasoning += delta.reasoning_content
  })
  return { ...fromCompletion(await stream.finalChatCompletion()), reasoning }
}

function fromCompletion(completion: OpenAI.ChatCompletion): Understood {
  const choice = completion.choices[0]
  const message: (OpenAI.ChatCompletionMessage & { reasoning_content?: string }) | undefined =
    choice?.message
  return {
    text: message?.content ?? '',
    reasoning: message?.reasoning_content ?? '',
    calls: (message?.tool_calls ?? []).flatMap((call) =>
      call.type === 'function'
        ? [{ name: call.function.name, arguments: JSON.parse(call.function.arguments) }]
        : [],
    ),
    refusal: message?.refusal ?? '',
    finish: choice?.finish_reason,
    usage: completion.usage,
    model: completion.model,
  }
}
