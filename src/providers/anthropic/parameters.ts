/** Plain parameters: limits, sampling, identity, tier; and those that the API does not have. */
import { type ChatRequest, defined } from '../../chat/index.js'
import { isGiven, type Note } from '../notes.js'
import { capabilitiesOf, hasSampling } from './models.js'
import type { WriteContext } from './profile.js'
import { stopsOf } from './rules.js'

/** Reports parameters without a field on the wire, which are dropped. */
export function reportUnmapped(request: ChatRequest, version: string, note: Note): void {
  for (const { param, reason, when, unmapped } of capabilitiesOf(request.model, version).rules)
    if (unmapped && isGiven(request[param]) && when?.(request) !== false)
      note('dropped', `${param} was left out: ${reason}`, param)
}

const defaultMaxTokens = 4_096

export function maxTokensOf(request: ChatRequest, { profile, note }: WriteContext): number {
  const asked = request.max_completion_tokens ?? request.max_tokens
  if (asked !== undefined && asked !== null) return Math.round(asked)
  if (profile.maxOutputTokens !== undefined) return profile.maxOutputTokens
  note(
    'other',
    `max_tokens is ${defaultMaxTokens}: the output limit of ${request.model} is unknown`,
    'max_tokens',
  )
  return defaultMaxTokens
}

/** Without sampling in the API version, its parameters are reported above. */
export function sampling(request: ChatRequest, version: string) {
  const { temperature, top_p, top_k } = request
  const stops = stopsOf(request).filter((text) => text.trim() !== '')
  return defined({
    stop_sequences: stops.length > 0 ? stops : undefined,
    ...(hasSampling(version) && {
      temperature: temperature ?? undefined,
      top_p: top_p ?? undefined,
      top_k: top_k ?? undefined,
    }),
  })
}

/** True for an email address or a phone number, which must not be sent as an id. */
const isPersonal = (user: string) =>
  /^[^\s@]+@[^\s@.]+\.[^\s@]+$/.test(user) || /^\+?[\d\s().-]{7,}$/.test(user)

export function identity({ metadata, safety_identifier, user }: ChatRequest, note: Note) {
  const { user_id, ...others } = metadata ?? {}
  if (Object.keys(others).length > 0)
    note('ignored', 'Of metadata, the API accepts only user_id', 'metadata')
  const id = user_id ?? safety_identifier ?? user
  if (id === undefined || id === null) return undefined
  if (user_id === undefined && isPersonal(id)) {
    note('dropped', 'user was left out: it looks like an e-mail address or a phone number', 'user')
    return undefined
  }
  return { metadata: { user_id: id } }
}

const tiers: ReadonlyMap<unknown, 'auto' | 'standard_only'> = new Map([
  ['auto', 'auto'],
  ['priority', 'auto'],
  ['default', 'standard_only'],
  ['standard_only', 'standard_only'],
])

export function serviceTier({ service_tier: asked }: ChatRequest, note: Note) {
  const service_tier = tiers.get(asked)
  if (!service_tier && isGiven(asked))
    note('dropped', `service_tier was left out: the API has no tier ${asked}`, 'service_tier')
  return service_tier && { service_tier }
}
