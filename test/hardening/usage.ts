/** Tokens and costs: usage of all wires, in one format. */
import { expect } from 'vitest'
import { type ChatResponse, isObject, type Message } from '../../src/chat/index.js'
import { type Reply, say, think } from '../../src/testing/index.js'
import { models, type Name, names } from '../wire/support.js'
import { type CallCase, type HardeningCase, onServer, user } from './case.js'

const sonnet = 'anthropic/claude-sonnet-4-5'
const flash = 'gemini/gemini-2.5-flash'

/** A response with exactly this usage on the wire, in both modes. */
const withBody = (edit: (value: object) => object, reply = say('Hi')): Reply =>
  reply
    .editBody((body) => edit(body))
    .editEvents((events) =>
      events.map((event) =>
        typeof event.data === 'object' && event.data !== null
          ? { ...event, data: edit(event.data) }
          : event,
      ),
    )

const gemini = (usageMetadata: object) => withBody((body) => ({ ...body, usageMetadata }))

/** At every place where a wire has usage: at the top, in a response, in a message. */
const inPlace =
  (usage: object) =>
  (value: object): object => {
    const outer = ['response', 'message'].find((name) => isObject(Reflect.get(value, name)))
    if (outer) return { ...value, [outer]: inPlace(usage)(Reflect.get(value, outer)) }
    return isObject(Reflect.get(value, 'usage')) ? { ...value, usage } : value
  }

const costs = (prompt_tokens: number, costUsd: number): CallCase => ({
  id: 133,
  title: `${prompt_tokens} prompt tokens cost ${costUsd} USD`,
  model: sonnet,
  script: [say('Hi').usage({ prompt_tokens, completion_tokens: 1_000 })],
  expects: { answer: { usage: { cost: costUsd } } },
})

/** Reported counts, and all others as null. */
const nulls: Readonly<Record<Name, object>> = {
  openai: {
    input_tokens: 10,
    output_tokens: 7,
    total_tokens: null,
    input_tokens_details: { cached_tokens: null, cache_write_tokens: null },
    output_tokens_details: { reasoning_tokens: null },
  },
  anthropic: {
    input_tokens: 10,
    output_tokens: 7,
    cache_creation_input_tokens: null,
    cache_read_input_tokens: null,
    cache_creation: null,
    server_tool_use: null,
  },
  gemini: {
    promptTokenCount: 10,
    candidatesTokenCount: 7,
    thoughtsTokenCount: null,
    cachedContentTokenCount: null,
    toolUsePromptTokenCount: null,
    totalTokenCount: 17,
    promptTokensDetails: null,
  },
  xai: {
    input_tokens: 10,
    output_tokens: 7,
    total_tokens: null,
    input_tokens_details: { cached_tokens: null },
    output_tokens_details: null,
    server_side_tool_usage_details: null,
  },
  compatible: {
    prompt_tokens: 10,
    completion_tokens: 7,
    total_tokens: null,
    prompt_tokens_details: null,
    completion_tokens_details: { reasoning_tokens: null },
  },
}

const inNulls = (name: Name, reply?: Reply) =>
  withBody(
    name === 'gemini'
      ? (value) => ({ ...value, usageMetadata: nulls.gemini })
      : inPlace(nulls[name]),
    reply,
  )

/** The content of a response; ids and times differ per call. */
const contentOf = ({ id, created, attempts, request_id, ...said }: ChatResponse) => said

const apart: readonly (readonly [model: string, usage: object])[] = [
  [
    'xai/grok-4',
    {
      input_tokens: 10,
      output_tokens: 5,
      output_tokens_details: { reasoning_tokens: 20 },
      total_tokens: 35,
    },
  ],
  [
    'compatible/grok-4',
    {
      prompt_tokens: 10,
      completion_tokens: 5,
      completion_tokens_details: { reasoning_tokens: 20 },
      total_tokens: 35,
    },
  ],
]

export const usage: readonly HardeningCase[] = [
  ...names.map(
    (name): CallCase => ({
      id: 130,
      title: `a count of null is none, and a detail of null is not told: ${name}`,
      model: models[name],
      script: [inNulls(name)],
      stack: [],
      expects: {
        answer: { usage: { prompt_tokens: 10, completion_tokens: 7, total_tokens: 17 } },
        without: ['usage.prompt_tokens_details', 'usage.completion_tokens_details'],
      },
    }),
  ),
  ...names.map(
    (name): HardeningCase => ({
      id: 130,
      title: `an answer that was streamed equals the one that was not: ${name}`,
      run: async () => {
        const reply = think('Hm.').say('So.').callTool('f', { a: 1 }, { id: 'call_1' })
        const request = { model: models[name], messages: [user() as Message] }
        // one server each: it generates the same ids for the same request
        const setting = { script: [inNulls(name, reply)], stack: [] }
        const plain = await onServer(setting, ({ ai }) => ai.generate(request))
        const accumulated = await onServer(setting, ({ ai }) => ai.stream(request).response)
        expect(contentOf(accumulated)).toEqual(contentOf(plain))
      },
    }),
  ),
  {
    id: 129,
    title: 'what Claude read from and wrote to a cache is part of the prompt',
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
    id: 131,
    title: 'thoughts of Gemini are told beside the answer, and are part of it',
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
    id: 131,
    title: 'unless the total shows that they are in it already',
    model: flash,
    script: [
      gemini({
        promptTokenCount: 100,
        cachedContentTokenCount: 40,
        candidatesTokenCount: 10,
        thoughtsTokenCount: 5,
        totalTokenCount: 110,
      }),
    ],
    expects: {
      answer: {
        usage: {
          prompt_tokens: 100,
          completion_tokens: 10,
          total_tokens: 110,
          prompt_tokens_details: { cached_tokens: 40 },
          completion_tokens_details: { reasoning_tokens: 5 },
        },
      },
    },
  },
  ...apart.map(
    ([model, wire]): CallCase => ({
      id: 132,
      title: `reasoning that is told beside the answer is part of it: ${model}`,
      model,
      script: [withBody(inPlace(wire))],
      expects: {
        answer: {
          usage: {
            prompt_tokens: 10,
            completion_tokens: 25,
            total_tokens: 35,
            completion_tokens_details: { reasoning_tokens: 20 },
          },
        },
      },
    }),
  ),
  {
    id: 132,
    title: 'reasoning that is in the answer is counted once: Grok',
    model: 'xai/grok-4',
    script: [
      withBody(
        inPlace({
          input_tokens: 10,
          output_tokens: 25,
          output_tokens_details: { reasoning_tokens: 20 },
          total_tokens: 35,
        }),
      ),
    ],
    expects: {
      answer: {
        usage: {
          prompt_tokens: 10,
          completion_tokens: 25,
          total_tokens: 35,
          completion_tokens_details: { reasoning_tokens: 20 },
        },
      },
    },
  },
  costs(200_000, 0.615),
  costs(200_001, 1.222_506),
  {
    id: 134,
    title: 'what stays in a cache for an hour has its own price',
    model: sonnet,
    script: [
      say('Hi').usage({
        prompt_tokens: 1_000,
        completion_tokens: 100,
        prompt_tokens_details: {
          cached_tokens: 0,
          cache_creation_tokens: 1_000,
          cache_creation: { '5m': 0, '1h': 1_000 },
        },
      }),
    ],
    expects: { answer: { usage: { cost: 0.0075 } } },
  },
  {
    id: 134,
    title: 'a model without a price costs an unknown sum',
    model: 'compatible/m',
    script: [say('Hi').usage({ prompt_tokens: 10, completion_tokens: 5 })],
    expects: {
      answer: { usage: { prompt_tokens: 10, completion_tokens: 5 } },
      without: ['usage.cost'],
    },
  },
  {
    id: 135,
    title: 'a tier without a price of its own costs what the model costs',
    model: sonnet,
    script: [
      say('Hi').serviceTier('priority').usage({ prompt_tokens: 1_000, completion_tokens: 100 }),
    ],
    expects: { answer: { usage: { cost: 0.0045 } } },
  },
]
