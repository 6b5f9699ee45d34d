/** What the environment says: all keys, or none, or an error that names the one that is missing. */

export interface Settings {
  readonly appSecret: string
  readonly verifyToken: string
  readonly token: string
  readonly model: string
  readonly hearModel: string | undefined
  readonly host: string
  readonly port: number
  readonly groups: boolean
  readonly timeZone: string | undefined
  readonly capUsd: number | undefined
  readonly capAllUsd: number | undefined
}

type Environment = Readonly<Record<string, string | undefined>>

const keys = ['WHATSAPP_TOKEN', 'WHATSAPP_APP_SECRET', 'WHATSAPP_VERIFY_TOKEN'] as const

/** By the first segment of a model's name; one of them is enough. */
const providerKeys: Readonly<Record<string, readonly string[]>> = {
  openai: ['OPENAI_API_KEY'],
  anthropic: ['ANTHROPIC_API_KEY'],
  gemini: ['GEMINI_API_KEY', 'GOOGLE_API_KEY'],
  xai: ['XAI_API_KEY'],
}

/** Undefined where no key of WhatsApp is set. Throws an `Error` that names what is missing. */
export function readSettings(environment: Environment): Settings | undefined {
  const missing = keys.filter((name) => !environment[name])
  if (missing.length === keys.length) return undefined
  const model = environment.MODEL || 'anthropic/claude-haiku-4-5'
  const hearModel =
    environment.HEAR_MODEL ||
    (hasKeyOf('gemini/', environment) ? 'gemini/gemini-2.5-flash' : undefined)
  const providers = [model, hearModel ?? model].filter((name) => !hasKeyOf(name, environment))
  const problems = [
    ...missing.map((name) => `${name} is not set`),
    ...new Set(providers.map((name) => `${keysOf(name).join(' or ')} is not set (for ${name})`)),
  ]
  if (problems.length > 0) throw new Error(`${problems.join(', ')}. Without any key: a phone.`)
  return {
    token: environment.WHATSAPP_TOKEN ?? '',
    appSecret: environment.WHATSAPP_APP_SECRET ?? '',
    verifyToken: environment.WHATSAPP_VERIFY_TOKEN ?? '',
    model,
    hearModel,
    host: environment.HOST || '0.0.0.0',
    port: numberOf('PORT', environment) ?? 3000,
    groups: environment.GROUPS === '1',
    timeZone: environment.TIME_ZONE || undefined,
    capUsd: numberOf('CAP_USD', environment),
    capAllUsd: numberOf('CAP_ALL_USD', environment),
  }
}

const keysOf = (model: string) => providerKeys[model.split('/', 1)[0] ?? ''] ?? []

/** True for providers that are not known here. */
const hasKeyOf = (model: string, environment: Environment) =>
  keysOf(model).length === 0 || keysOf(model).some((name) => environment[name])

function numberOf(name: string, environment: Environment): number | undefined {
  const text = environment[name]
  if (!text) return undefined
  if (Number.isFinite(Number(text))) return Number(text)
  throw new Error(`${name} is a number, not '${text}'`)
}
