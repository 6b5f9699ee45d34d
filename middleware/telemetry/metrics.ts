/** The instruments of the GenAI conventions. */
import type { Usage } from '../../src/chat/index.js'
import type { Attributes, Meter } from './api.js'

const seconds = [
  0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92,
]

export interface Instruments {
  /** Seconds, by the kind of duration. */
  duration(of: Duration, value: number, attributes: Attributes): void
  usage(usage: Usage, attributes: Attributes): void
}

const durations = {
  inference: [
    'gen_ai.client.inference.duration',
    'Duration of a call of a model, with its retries',
  ],
  firstChunk: [
    'gen_ai.client.inference.time_to_first_chunk',
    'Time to the first chunk of a stream',
  ],
  chunk: [
    'gen_ai.client.inference.time_per_output_chunk',
    'Time from one chunk of a stream to the next',
  ],
  agent: ['gen_ai.invoke_agent.duration', 'Duration of a call with all its steps'],
  tool: ['gen_ai.execute_tool.duration', 'Duration of a run of a tool'],
} as const

export type Duration = keyof typeof durations

interface Counts {
  readonly total: number | undefined
  readonly audio?: number | undefined
  readonly image?: number | undefined
}

/** A total, and the part of it known not to be text. */
const countsOf = (
  total: number | undefined,
  { audio_tokens: audio, image_tokens: image }: Usage['completion_tokens_details'] = {},
): Counts => ({ total, audio, image })

const counters: Readonly<Record<string, (usage: Usage) => Counts>> = {
  input_tokens: (usage) => countsOf(usage.prompt_tokens, usage.prompt_tokens_details),
  output_tokens: (usage) => countsOf(usage.completion_tokens, usage.completion_tokens_details),
  'cache_read.input_tokens': ({ prompt_tokens_details: details }) =>
    countsOf(details?.cached_tokens, details?.cached_tokens_details),
  'cache_write.input_tokens': ({ prompt_tokens_details: details }) =>
    countsOf(details?.cache_creation_tokens),
  'reasoning.output_tokens': ({ completion_tokens_details: details }) =>
    countsOf(details?.reasoning_tokens),
}

export function instrumentsOf(meter: Meter): Instruments {
  const histogram = ([name, description]: readonly [string, string]) =>
    meter.createHistogram(name, {
      description,
      unit: 's',
      advice: { explicitBucketBoundaries: [...seconds] },
    })
  const histograms = {
    inference: histogram(durations.inference),
    firstChunk: histogram(durations.firstChunk),
    chunk: histogram(durations.chunk),
    agent: histogram(durations.agent),
    tool: histogram(durations.tool),
  }
  const used = Object.entries(counters).map(([name, read]) => {
    const description = `Tokens used: ${name}`
    const full = `gen_ai.client.inference.usage.${name}`
    return { read, counter: meter.createCounter(full, { description, unit: '{token}' }) }
  })
  return {
    duration: (of, value, attributes) => histograms[of].record(value, attributes),
    usage(usage, attributes) {
      for (const { read, counter } of used)
        for (const [modality, count] of byModality(read(usage)))
          counter.add(count, { ...attributes, 'gen_ai.token.modality': modality })
    },
  }
}

/** Tokens without a known modality are `unknown`. A count that was not reported is left out. */
function byModality({
  total,
  audio = 0,
  image = 0,
}: Counts): readonly (readonly [string, number])[] {
  if (total === undefined) return []
  const known = [
    ['audio', audio],
    ['image', image],
  ] as const
  const rest = Math.max(0, total - audio - image)
  return [...known.filter(([, count]) => count > 0), ['unknown', rest]]
}
