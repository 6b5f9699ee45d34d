/** `drop_params` and related options: precedence, and what is never dropped. */
import { BadRequestError, UnsupportedParamsError } from '../../src/core/index.js'
import { type CallCase, tool } from './case.js'

const sonnet = 'anthropic/claude-sonnet-4-5'
const everywhere = { params: { dropParams: true } }

export const dropping: readonly CallCase[] = [
  {
    id: 49,
    title: 'the call beats the client: false',
    model: sonnet,
    request: { seed: 1, drop_params: false },
    stack: everywhere,
    expects: { error: UnsupportedParamsError },
  },
  {
    id: 49,
    title: 'the call beats the client: true',
    model: sonnet,
    request: { seed: 1, drop_params: true },
    stack: { params: { dropParams: false } },
    expects: { warns: ['dropped seed'] },
  },
  {
    id: 50,
    title: 'a word in place of true is refused, not passed over',
    model: sonnet,
    request: { seed: 1, drop_params: 'true' },
    expects: { error: BadRequestError, names: ['drop_params'], answer: { status: 400 } },
  },
  {
    id: 51,
    title: 'what the caller names goes, though the model takes it',
    model: sonnet,
    request: { temperature: 0.5, additional_drop_params: ['temperature'] },
    expects: { lacks: ['temperature', 'additional_drop_params'], warns: ['dropped temperature'] },
  },
  {
    id: 52,
    title: 'a path reaches into every tool',
    model: 'openai/gpt-4.1',
    request: {
      tools: [tool('a', { strict: true }), tool('b', { strict: true })],
      additional_drop_params: ['tools[*].function.strict', 'tools[*].function.nothing'],
    },
    expects: {
      body: {
        tools: [
          { name: 'a', strict: false },
          { name: 'b', strict: false },
        ],
      },
      warns: ['dropped tools[*].function.strict'],
    },
  },
  {
    id: 53,
    title: 'what the caller allows is sent as it is',
    model: sonnet,
    request: { seed: 7, allowed_openai_params: ['seed'] },
    expects: { body: { seed: 7 }, lacks: ['allowed_openai_params'] },
  },
  {
    id: 54,
    title: 'what is allowed but not given is not sent',
    model: sonnet,
    request: { allowed_openai_params: ['seed'] },
    expects: { lacks: ['seed'] },
  },
  ...['openai/gpt-4.1', sonnet, 'xai/grok-4', 'compatible/m'].map(
    (model): CallCase => ({
      id: 55,
      title: `a key that nobody knows goes into the body: ${model}`,
      model,
      request: { foo: 1 },
      expects: { body: { foo: 1 } },
    }),
  ),
  {
    id: 55,
    title: 'Gemini gets its own keys in their section, and unknown ones at the top',
    model: 'gemini/gemini-2.5-flash',
    request: { media_resolution: 'MEDIA_RESOLUTION_LOW', foo: 1 },
    expects: { body: { foo: 1, generationConfig: { mediaResolution: 'MEDIA_RESOLUTION_LOW' } } },
  },
  {
    id: 56,
    title: 'unknown keys are never dropped, and every drop is told',
    model: sonnet,
    request: { foo: 1, seed: 7, logit_bias: { 5: 1 }, drop_params: true },
    expects: { body: { foo: 1 }, lacks: ['seed'], warns: ['dropped seed', 'dropped logit_bias'] },
  },
]
