/** Tokens and money: what the wires tell, in one count. */
import { type Reply, say } from '../../src/testing/index.js'
import type { CallCase } from './case.js'

const sonnet = 'anthropic/claude-sonnet-4-5'
const flash = 'gemini/gemini-2.5-flash'

/** An answer with exactly this usage on the wire, in both modes. */
const told = (edit: (value: object) => object): Reply =>
  say('Hi')
    .editBody((body) => edit(body))
    .editEvents((events) =>
      events.map((event) =>
        typeof event.data === 'object' && event.data !== null
          ? { ...event, data: edit(event.data) }
          : event,
      ),
    )

const gemini = (usageMetadata: object) => told((body) => ({ ...body, usageMetadata }))

const costs = (prompt_tokens: number, costUsd: number): CallCase => ({
  id: 133,
  says: `${prompt_tokens} prompt tokens cost ${costUsd} USD`,
  model: sonnet,
  script: [say('Hi').usage({ prompt_tokens, completion_tokens: 1_000 })],
  expects: { answer: { usage: { cost: costUsd } } },
})

export const usage: readonly CallCase[] = [
  {
    id: 129,
    says: 'what Claude read from and wrote to a cache is part of the prompt',
    model: sonnet,
    script: [
      say('Hi').usage({
        prompt_tokens: 100,
        completion_tokens: 7,
        prompt_tokens_details: { cached_tokens: 85, cache_creation_tokens: 5 },
      }),
    ],
    expects: {
      answer: {
        usage: {
          prompt_tokens: 100,
          completion_tokens: 7,
          total_tokens: 107,
          prompt_tokens_details: { cached_tokens: 85, cache_creation_tokens: 5 },
        },
      },
    },
  },
  {
    id: 130,
    says: 'a count of null is none',
    model: sonnet,
    script: [told((value) => withNulls(value))],
    expects: { answer: { usage: { prompt_tokens: 10, total_tokens: 17, completion_tokens: 7 } } },
  },
  {
    id: 131,
    says: 'thoughts of Gemini are told beside the answer, and are part of it',
    model: flash,
    script: [
      gemini({
        promptTokenCount: 100,
        cachedContentTokenCount: 40,
        candidatesTokenCount: 10,
        thoughtsTokenCount: 5,
        totalTokenCount: 115,
      }),
    ],
    expects: {
      answer: {
        usage: {
          prompt_tokens: 100,
          completion_tokens: 15,
          total_tokens: 115,
          prompt_tokens_details: { cached_tokens: 40 },
          completion_tokens_details: { reasoning_tokens: 5 },
        },
      },
    },
  },
  {
    id: 132,
    says: 'reasoning of Grok is told beside the answer, and is part of it',
    model: 'xai/grok-4',
    script: [
      say('Hi').usage({
        prompt_tokens: 10,
        completion_tokens: 25,
        completion_tokens_details: { reasoning_tokens: 20 },
      }),
    ],
    expects: { answer: { usage: { completion_tokens: 25, total_tokens: 35 } } },
  },
  costs(200_000, 0.615),
  costs(200_001, 1.222_506),
  {
    id: 134,
    says: 'what stays in a cache for an hour has its own price',
    model: sonnet,
    script: [
      say('Hi').usage({
        prompt_tokens: 1_000,
        completion_tokens: 0,
        prompt_tokens_details: {
          cached_tokens: 0,
          cache_creation_tokens: 1_000,
          cache_creation: { '5m': 0, '1h': 1_000 },
        },
      }),
    ],
    expects: { answer: { usage: { cost: 0.006 } } },
  },
  {
    id: 134,
    says: 'a model without a price costs an unknown sum',
    model: 'compatible/m',
    script: [say('Hi').usage({ prompt_tokens: 10, completion_tokens: 5 })],
    expects: {
      answer: { usage: { prompt_tokens: 10, completion_tokens: 5 } },
      without: ['usage.cost'],
    },
  },
  {
    id: 135,
    says: 'a tier without a price of its own costs what the model costs',
    model: sonnet,
    script: [
      say('Hi').serviceTier('priority').usage({ prompt_tokens: 1_000, completion_tokens: 100 }),
    ],
    expects: { answer: { usage: { cost: 0.0045 } } },
  },
]

function withNulls(value: object): object {
  const counts = {
    input_tokens: 10,
    output_tokens: 7,
    cache_creation_input_tokens: null,
    cache_read_input_tokens: null,
  }
  if ('usage' in value) return { ...value, usage: counts }
  if ('message' in value)
    return { ...value, message: { ...(value.message as object), usage: counts } }
  return value
}
