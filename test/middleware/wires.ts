/** Each provider on the mock server. */
import type { ProviderAdapter } from '../../src/core/index.js'
import { anthropic } from '../../src/providers/anthropic/index.js'
import { compatible } from '../../src/providers/compatible/index.js'
import { gemini } from '../../src/providers/gemini/index.js'
import { openai } from '../../src/providers/openai/index.js'
import { xai } from '../../src/providers/xai/index.js'
import type { MockServer } from '../../src/testing/index.js'

export const models = [
  'openai/gpt-5',
  'anthropic/claude-sonnet-4-5',
  'gemini/gemini-2.5-flash',
  'xai/grok-4.3',
  'local/model',
] as const

export const adapters = (server: MockServer): readonly ProviderAdapter[] => [
  openai(server.options('openai')),
  anthropic(server.options('anthropic')),
  gemini(server.options('gemini')),
  xai(server.options('xai')),
  compatible({ ...server.options('compatible'), name: 'local' }),
]
