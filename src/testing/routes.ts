/** Maps a path to its provider, API and endpoint. */
import type { Api } from './render.js'
import type { ProviderName } from './script.js'

export type Route =
  | {
      readonly kind: 'generate'
      readonly provider: ProviderName
      readonly api: Api
      /** If the path contains it. */
      readonly model?: string
      /** If the path specifies it; else the body does. */
      readonly streaming?: boolean
      readonly isArray?: boolean
    }
  | {
      readonly kind: 'count'
      readonly provider: ProviderName
      readonly api: Api
      readonly model?: string
    }
  | {
      readonly kind: 'models'
      readonly provider: ProviderName
      readonly api: Api
      readonly model?: string
    }

/** The paths of each provider's base URL, as the APIs of OpenAI and xAI have the same paths. */
export const basePaths: Readonly<Record<ProviderName, string>> = {
  openai: '/openai/v1',
  anthropic: '/anthropic',
  gemini: '/gemini',
  xai: '/xai/v1',
  compatible: '/compatible/v1',
}

const prefixed = /^\/(openai|anthropic|gemini|xai|compatible)(\/.*)$/

type Match = (path: string, provider: ProviderName | undefined, query: string) => Route | undefined

const fixed =
  (kind: Route['kind'], path: string, api: Api, fallback: ProviderName): Match =>
  (asked, provider = fallback) =>
    asked === path ? { kind, provider, api } : undefined

const models: Match = (path, provider = 'openai') => {
  const model = /^\/v1(?:beta)?\/models(?:\/([^:]+))?$/.exec(path)
  if (!model) return undefined
  const api = provider === 'gemini' || path.startsWith('/v1beta') ? 'generateContent' : 'chat'
  return {
    kind: 'models',
    provider: api === 'generateContent' ? 'gemini' : provider,
    api,
    ...(model[1] !== undefined && { model: decodeURIComponent(model[1]) }),
  }
}

const generateContent: Match = (path, provider = 'gemini', query) => {
  const match =
    /^\/v1(?:beta|alpha)?\/(?:models|tunedModels)\/(.+):(generateContent|streamGenerateContent|countTokens)$/.exec(
      path,
    )
  if (!match?.[1]) return undefined
  const known = { provider, api: 'generateContent', model: decodeURIComponent(match[1]) } as const
  if (match[2] === 'countTokens') return { kind: 'count', ...known }
  const streaming = match[2] === 'streamGenerateContent'
  const isArray = streaming && new URLSearchParams(query).get('alt') !== 'sse'
  return { kind: 'generate', ...known, streaming, isArray }
}

const matches: readonly Match[] = [
  fixed('generate', '/v1/responses', 'responses', 'openai'),
  fixed('generate', '/v1/messages', 'messages', 'anthropic'),
  fixed('generate', '/v1/chat/completions', 'chat', 'compatible'),
  fixed('count', '/v1/responses/input_tokens', 'responses', 'openai'),
  fixed('count', '/v1/messages/count_tokens', 'messages', 'anthropic'),
  fixed('count', '/v1/tokenize-text', 'responses', 'xai'),
  generateContent,
  models,
]

/** Undefined for a path of no provider. */
export function routeOf(path: string, query: string): Route | undefined {
  const [, name, rest = path] = prefixed.exec(path) ?? []
  for (const match of matches) {
    // the pattern matches provider names only
    const route = match(rest, name as ProviderName | undefined, query)
    if (route) return route
  }
  return undefined
}
