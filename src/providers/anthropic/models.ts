/**
 * Facts of the Claude families. Sources: the models, thinking, effort and structured-output pages
 * of docs.claude.com, the official SDK's types, and recorded refusals.
 */
import { type Capabilities, defined } from '../../chat/index.js'
import { onceAModel } from '../model-rules.js'
import type { Profile } from './profile.js'
import { rulesOf } from './rules.js'

/** Bare names of Anthropic models. */
export const models = /^claude-/

export const defaultVersion = '2023-06-01'

const threeEfforts = ['low', 'medium', 'high'] as const
const allEfforts = [...threeEfforts, 'xhigh', 'max'] as const

const base: Profile = {
  known: true,
  contextTokens: 200_000,
  maxOutputTokens: 4_096,
  sampling: 'any',
  thinking: [],
  thinksByDefault: false,
  hidesThoughts: false,
  efforts: [],
  topEffortNeedsThinking: false,
  forcedTools: true,
  bindsThoughts: false,
  structured: false,
  prefill: true,
  systemTurns: false,
}

const budgeted: Profile = { ...base, maxOutputTokens: 64_000, thinking: ['enabled', 'disabled'] }

const generation45: Profile = { ...budgeted, sampling: 'either', structured: true }

const generation46: Profile = {
  ...generation45,
  contextTokens: 1_000_000,
  maxOutputTokens: 128_000,
  thinking: ['adaptive', 'enabled', 'disabled'],
  efforts: [...threeEfforts, 'max'],
  prefill: false,
}

const generation47: Profile = {
  ...generation46,
  sampling: 'none',
  thinking: ['adaptive', 'disabled'],
  hidesThoughts: true,
  efforts: allEfforts,
}

const generation5: Profile = { ...generation47, thinksByDefault: true, systemTurns: true }

const alwaysThinking: Profile = { ...generation5, thinking: ['adaptive'] }

/** The first match applies. A further number after these names is an unknown model. */
const families: readonly (readonly [RegExp, Profile])[] = [
  [
    /claude-(fable|mythos)-5-[12]\b/,
    { ...alwaysThinking, forcedTools: false, bindsThoughts: true },
  ],
  [/claude-(fable|mythos)-5(?!-[1-9]\b)/, alwaysThinking],
  [/claude-mythos-preview/, { ...alwaysThinking, forcedTools: false }],
  [/claude-opus-5-5\b/, { ...alwaysThinking, forcedTools: false }],
  [/claude-opus-5(?!-[1-9]\b)/, { ...generation5, topEffortNeedsThinking: true }],
  [
    /claude-sonnet-5-5\b/,
    {
      ...generation5,
      thinking: ['adaptive', 'between_tools'],
      topEffortNeedsThinking: true,
      forcedTools: false,
    },
  ],
  [/claude-(sonnet-5(?!-[1-9]\b)|haiku-5-5\b)/, generation5],
  [/claude-opus-4-8\b/, { ...generation47, systemTurns: true }],
  [/claude-opus-4-7\b/, generation47],
  [/claude-(opus|sonnet)-4-6\b/, generation46],
  [/claude-opus-4-5\b/, { ...generation45, efforts: threeEfforts }],
  [/claude-(sonnet|haiku)-4-5\b/, generation45],
  [/claude-opus-4-1\b/, { ...generation45, maxOutputTokens: 32_000 }],
  [/claude-(opus-4|4-opus)(?!-[1-9]\b)/, { ...budgeted, maxOutputTokens: 32_000 }],
  [/claude-(sonnet-4(?!-[1-9]\b)|4-sonnet|3-7-sonnet)/, budgeted],
  [/claude-3-5/, { ...base, maxOutputTokens: 8_192 }],
  [/claude-(3-(opus|sonnet|haiku)|2|v1|instant)\b/, base],
]

/** A Claude newer than this table has the newest generation's facts, with nothing refused. */
const { contextTokens: _context, maxOutputTokens: _output, ...newest } = generation5
const unknownClaude: Profile = {
  ...newest,
  known: false,
  sampling: 'any',
  thinking: ['adaptive', 'enabled', 'disabled', 'between_tools'],
  thinksByDefault: false,
  prefill: true,
}

/** Another vendor's model behind a server with this API. */
const unknownModel: Profile = {
  ...unknownClaude,
  thinking: ['enabled', 'disabled'],
  hidesThoughts: false,
  efforts: [],
  structured: false,
  systemTurns: false,
}

/** What the model accepts. Prefixes of other platforms (`us.anthropic.claude-…`) are ignored. */
export const profileOf = onceAModel((model): Profile => {
  const name = dashed(model)
  const known = families.find(([pattern]) => pattern.test(name))?.[1]
  if (known) return known
  return name.includes('claude') ? unknownClaude : unknownModel
})

/** Gateways write `claude-sonnet-4.5`. */
const dashed = (model: string) => model.toLowerCase().replace(/(\d)\.(?=\d)/g, '$1-')

/**
 * One name for the dated, aliased and platform forms of a model, which read each other's
 * signatures: `claude-sonnet-4-0`, `claude-sonnet-4-20250514`,
 * `us.anthropic.claude-sonnet-4-20250514-v1:0`.
 */
export const modelFamily = (model: string): string =>
  dashed(model)
    .replace(/^.*?(?=claude-)/, '')
    .replace(/-v\d+(:\d+)?$/, '')
    .replace(/[-@](\d{8}|latest|default)$/, '')
    .replace(/-0$/, '')

/** From this API version sampling parameters are a 400, at any value, on any model. */
const versionWithoutSampling = '2026-10-21'

export const hasSampling = (version: string): boolean => version < versionWithoutSampling

export const capabilitiesOf = (model: string, version: string): Capabilities =>
  capabilitiesAt(version)(model)

const capabilitiesAt = onceAModel((version) =>
  onceAModel((model): Capabilities => {
    const profile = profileOf(model)
    const { known, contextTokens, maxOutputTokens, thinking } = profile
    return defined({
      known,
      contextTokens,
      maxOutputTokens,
      reasoning: thinking.length > 0,
      // the Messages API has no audio part
      audio: [],
      rules: rulesOf(profile, hasSampling(version)),
    })
  }),
)
