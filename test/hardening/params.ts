/** Parameters: their form on each wire, and which are rejected. */
import { BadRequestError, UnsupportedParamsError } from '../../src/core/index.js'
import { type CallCase, tool, user } from './case.js'

const sonnet = 'anthropic/claude-sonnet-4-5'
const opus46 = 'anthropic/claude-opus-4-6'
const flash = 'gemini/gemini-2.5-flash'
const gemini3 = 'gemini/gemini-3-pro-preview'
const four = ['openai/gpt-4.1', sonnet, flash, 'xai/grok-4.3']
const dropping = { params: { dropParams: true } }

/** The same for several models. */
const each = (
  models: readonly string[],
  row: (model: string) => Omit<CallCase, 'model'>,
): readonly CallCase[] =>
  models.map((model) => {
    const made = row(model)
    return { ...made, model, title: `${made.title}: ${model}` }
  })

const limits: readonly CallCase[] = [
  {
    id: 14,
    title: 'without a limit Claude may write as much as the model can',
    model: sonnet,
    expects: { body: { max_tokens: 64_000 } },
  },
  {
    id: 14,
    title: 'a model of unknown size gets 4096 tokens, and the answer says so',
    model: 'anthropic/claude-foo-9',
    expects: { body: { max_tokens: 4_096 }, warns: ['other max_tokens'] },
  },
  {
    id: 15,
    title: 'a limit that is no whole number is rounded',
    model: sonnet,
    request: { max_completion_tokens: 100.6 },
    expects: { body: { max_tokens: 101 } },
  },
  {
    id: 16,
    title: 'a budget to think leaves room for the answer',
    model: 'anthropic/claude-foo-9',
    request: { thinking: { type: 'enabled', budget_tokens: 2_000 } },
    expects: {
      body: { max_tokens: 4_096, thinking: { type: 'enabled', budget_tokens: 2_000 } },
      warns: ['other max_tokens'],
    },
  },
  {
    id: 16,
    title: 'a budget above the limit we chose raises it by as much',
    model: 'anthropic/claude-foo-9',
    request: { thinking: { type: 'enabled', budget_tokens: 5_000 } },
    expects: {
      body: { max_tokens: 9_096 },
      warns: ['other max_tokens', 'changed max_tokens'],
    },
  },
  {
    id: 17,
    title: 'a budget above the limit of the caller raises it, with a warning',
    model: sonnet,
    request: { thinking: { type: 'enabled', budget_tokens: 5_000 }, max_tokens: 1_000 },
    expects: {
      body: { max_tokens: 6_000, thinking: { type: 'enabled', budget_tokens: 5_000 } },
      warns: ['changed max_tokens'],
    },
  },
]

const thinking: readonly CallCase[] = [
  {
    id: 18,
    title: 'the least effort is the least budget that the API takes',
    model: sonnet,
    request: { reasoning_effort: 'minimal' },
    expects: { body: { thinking: { type: 'enabled', budget_tokens: 1_024 } } },
  },
  {
    id: 19,
    title: 'a model that thinks as it sees fit gets the effort as a level',
    model: opus46,
    request: { reasoning_effort: 'high' },
    expects: { body: { thinking: { type: 'adaptive' }, output_config: { effort: 'high' } } },
  },
  {
    id: 20,
    title: 'no effort asks for no thinking',
    model: opus46,
    request: { reasoning_effort: 'none' },
    expects: { lacks: ['thinking', 'output_config'] },
  },
  {
    id: 21,
    title: 'a middle effort is a budget of 2048 tokens',
    model: sonnet,
    request: { reasoning_effort: 'medium' },
    expects: { body: { thinking: { type: 'enabled', budget_tokens: 2_048 } } },
  },
  {
    id: 22,
    title: 'Gemini 2.5 stops thinking where no effort is wanted',
    model: flash,
    request: { reasoning_effort: 'none' },
    expects: {
      body: { generationConfig: { thinkingConfig: { thinkingBudget: 0, includeThoughts: false } } },
    },
  },
  {
    id: 23,
    title: 'Gemini 3 cannot stop thinking: it gets the lowest level, with a warning',
    model: gemini3,
    request: { reasoning_effort: 'none' },
    expects: {
      body: {
        generationConfig: { thinkingConfig: { thinkingLevel: 'LOW', includeThoughts: false } },
      },
      warns: ['changed reasoning_effort'],
    },
  },
  {
    id: 24,
    title: 'Gemini 3.1 has a middle level',
    model: 'gemini/gemini-3.1-pro-preview',
    request: { reasoning_effort: 'medium' },
    expects: { body: { generationConfig: { thinkingConfig: { thinkingLevel: 'MEDIUM' } } } },
  },
  {
    id: 24,
    title: 'Gemini 3 has none: it gets the high one, with a warning',
    model: gemini3,
    request: { reasoning_effort: 'medium' },
    expects: {
      body: { generationConfig: { thinkingConfig: { thinkingLevel: 'HIGH' } } },
      warns: ['changed reasoning_effort'],
    },
  },
  {
    id: 25,
    title: 'a level and a budget at once are refused before the request',
    model: gemini3,
    request: {
      provider_options: {
        gemini: { thinkingConfig: { thinkingLevel: 'low', thinkingBudget: 100 } },
      },
    },
    expects: { error: BadRequestError, answer: { status: 400 } },
  },
  ...each(['openai/gpt-5', sonnet, opus46, flash, gemini3, 'xai/grok-4.3'], () => ({
    id: 26,
    title: 'an effort that does not exist is refused, with the ones that do',
    request: { reasoning_effort: 'ultra' },
    expects: { error: UnsupportedParamsError, names: ['low', 'high'], answer: { status: 400 } },
  })),
]

const sampling: readonly CallCase[] = [
  {
    id: 27,
    title: 'a temperature that a reasoning model does not take is refused',
    model: 'openai/gpt-5',
    request: { temperature: 0.2 },
    expects: { error: UnsupportedParamsError, names: ['temperature', 'gpt-5', 'drop_params'] },
  },
  {
    id: 27,
    title: 'with drop_params it is left out',
    model: 'openai/gpt-5',
    request: { temperature: 0.2, drop_params: true },
    expects: { lacks: ['temperature', 'drop_params'], warns: ['dropped temperature'] },
  },
  ...each(four, () => ({
    id: 28,
    title: 'two answers in one are refused',
    request: { n: 2 },
    expects: { error: UnsupportedParamsError, names: ['n: 2'] },
  })),
  {
    id: 28,
    title: 'a seed that the Responses API has no place for is refused',
    model: 'openai/gpt-4.1',
    request: { seed: 1 },
    expects: { error: UnsupportedParamsError, names: ['seed'] },
  },
  {
    id: 28,
    title: 'stop sequences that the Responses API has no place for are refused',
    model: 'openai/gpt-4.1',
    request: { stop: ['x'] },
    expects: { error: UnsupportedParamsError, names: ['stop'] },
  },
  {
    id: 28,
    title: 'both are left out with drop_params, each with a warning',
    model: 'openai/gpt-4.1',
    request: { seed: 1, stop: ['x'], drop_params: true },
    expects: { lacks: ['seed', 'stop'], warns: ['dropped stop', 'dropped seed'] },
  },
  {
    id: 28,
    title: 'and without params() too: never in silence',
    model: 'openai/gpt-4.1',
    request: { seed: 1, stop: ['x'] },
    stack: [],
    expects: { lacks: ['seed', 'stop'], warns: ['dropped stop', 'dropped seed'] },
  },
  {
    id: 29,
    title: 'verbosity is a member of text',
    model: 'openai/gpt-5',
    request: { verbosity: 'low' },
    expects: { body: { text: { verbosity: 'low' } } },
  },
  {
    id: 30,
    title: 'Gemini takes a seed',
    model: flash,
    request: { seed: 7 },
    expects: { body: { generationConfig: { seed: 7 } } },
  },
  {
    id: 31,
    title: 'Claude does not, and the error names both ways out',
    model: sonnet,
    request: { seed: 7 },
    expects: {
      error: UnsupportedParamsError,
      names: ['seed', 'drop_params', 'allowed_openai_params'],
      answer: { status: 400, provider: 'anthropic' },
    },
  },
  {
    id: 32,
    title: 'one answer is what there is: n is not sent',
    model: sonnet,
    request: { n: 1 },
    expects: { lacks: ['n'] },
  },
  {
    id: 33,
    title: 'an e-mail address is not sent as the id of a user',
    model: sonnet,
    request: { user: 'a@b.com' },
    expects: { lacks: ['metadata'], warns: ['dropped user'] },
  },
  {
    id: 33,
    title: 'an id is',
    model: sonnet,
    request: { user: 'u-1' },
    expects: { body: { metadata: { user_id: 'u-1' } } },
  },
  {
    id: 34,
    title: 'a long user id is cut to what the API takes, with a warning',
    model: 'openai/gpt-4.1',
    request: { user: 'u'.repeat(80) },
    expects: { body: { safety_identifier: 'u'.repeat(64) }, warns: ['changed user'] },
  },
  {
    id: 35,
    title: 'Grok takes no stop sequences',
    model: 'xai/grok-4',
    request: { stop: ['x'] },
    expects: { error: UnsupportedParamsError, names: ['stop'] },
  },
  {
    id: 35,
    title: 'with drop_params they are left out',
    model: 'xai/grok-4',
    request: { stop: ['x'], drop_params: true },
    expects: { lacks: ['stop'], warns: ['dropped stop'] },
  },
  {
    id: 36,
    title: 'of too many stop sequences the first are sent, where parameters may be adjusted',
    model: flash,
    request: { stop: ['a', 'b', 'c', 'd', 'e', 'f'], drop_params: true },
    expects: {
      body: { generationConfig: { stopSequences: ['a', 'b', 'c', 'd', 'e'] } },
      warns: ['changed stop'],
    },
  },
  {
    id: 36,
    title: 'else they are refused',
    model: flash,
    request: { stop: ['a', 'b', 'c', 'd', 'e', 'f'] },
    expects: { error: UnsupportedParamsError, names: ['stop', 'at most 5'] },
  },
  {
    id: 36,
    title: 'Claude sets no limit on them',
    model: sonnet,
    request: { stop: ['a', 'b', 'c', 'd', 'e', 'f'] },
    expects: { body: { stop_sequences: ['a', 'b', 'c', 'd', 'e', 'f'] } },
  },
  {
    id: 37,
    title: 'a stop sequence of white space is left out with the drop_params of the call',
    model: sonnet,
    request: { stop: ['\n', 'END'], drop_params: true },
    expects: { body: { stop_sequences: ['END'] }, warns: ['changed stop'] },
  },
  {
    id: 37,
    title: 'and with that of the client',
    model: sonnet,
    request: { stop: '\n' },
    stack: dropping,
    expects: { lacks: ['stop_sequences'], warns: ['dropped stop'] },
  },
  {
    id: 38,
    title: 'a temperature out of range is refused, never changed in silence',
    model: sonnet,
    request: { temperature: 1.7 },
    expects: { error: UnsupportedParamsError, names: ['temperature', 'from 0 to 1'] },
  },
  {
    id: 38,
    title: 'with drop_params it is the nearest that the model takes',
    model: sonnet,
    request: { temperature: 1.7, drop_params: true },
    expects: { body: { temperature: 1 }, warns: ['changed temperature'] },
  },
]

const named = { type: 'function', function: { name: 'look' } }

const toolChoice: readonly CallCase[] = [
  {
    id: 39,
    title: 'one call at a time is said beside the choice of a tool',
    model: sonnet,
    request: { tools: [tool()], parallel_tool_calls: false },
    expects: { body: { tool_choice: { type: 'auto', disable_parallel_tool_use: true } } },
  },
  {
    id: 39,
    title: 'where no tool may be called there is nothing to say',
    model: sonnet,
    request: { tools: [tool()], parallel_tool_calls: false, tool_choice: 'none' },
    expects: {
      body: { tool_choice: { type: 'none' } },
      lacks: ['tool_choice.disable_parallel_tool_use'],
    },
  },
  {
    id: 40,
    title: 'Gemini has no such switch',
    model: flash,
    request: { tools: [tool('a'), tool('b')], parallel_tool_calls: false },
    expects: { error: UnsupportedParamsError, names: ['parallel_tool_calls'] },
  },
  {
    id: 40,
    title: 'with drop_params it is left out',
    model: flash,
    request: { tools: [tool('a'), tool('b')], parallel_tool_calls: false, drop_params: true },
    expects: { lacks: ['parallel_tool_calls'], warns: ['dropped parallel_tool_calls'] },
  },
  {
    id: 41,
    title: 'a tool is required of Claude by any',
    model: sonnet,
    request: { tools: [tool()], tool_choice: 'required' },
    expects: { body: { tool_choice: { type: 'any' } } },
  },
  {
    id: 41,
    title: 'of Gemini by ANY',
    model: flash,
    request: { tools: [tool()], tool_choice: 'required' },
    expects: { body: { toolConfig: { functionCallingConfig: { mode: 'ANY' } } } },
  },
  ...each(['openai/gpt-4.1', 'xai/grok-4'], () => ({
    id: 41,
    title: 'of the others by required',
    request: { tools: [tool()], tool_choice: 'required' },
    expects: { body: { tool_choice: 'required' } },
  })),
  {
    id: 42,
    title: 'one tool is asked of Claude by its name',
    model: sonnet,
    request: { tools: [tool()], tool_choice: named },
    expects: { body: { tool_choice: { type: 'tool', name: 'look' } } },
  },
  {
    id: 42,
    title: 'of Gemini as the only one allowed',
    model: flash,
    request: { tools: [tool()], tool_choice: named },
    expects: {
      body: {
        toolConfig: { functionCallingConfig: { mode: 'ANY', allowedFunctionNames: ['look'] } },
      },
    },
  },
  ...each(['openai/gpt-4.1', 'xai/grok-4'], () => ({
    id: 42,
    title: 'of the Responses API without the wrapper',
    request: { tools: [tool()], tool_choice: named },
    expects: { body: { tool_choice: { type: 'function', name: 'look' } } },
  })),
  ...(
    [
      ['openai/gpt-4.1', { tool_choice: 'auto' }],
      [sonnet, { tool_choice: { type: 'auto' } }],
      [flash, { toolConfig: { functionCallingConfig: { mode: 'AUTO' } } }],
      ['xai/grok-4', { tool_choice: 'auto' }],
    ] as const
  ).map(
    ([model, body]): CallCase => ({
      id: 43,
      title: `a choice in Anthropic's own form is understood: ${model}`,
      model,
      request: { tools: [tool()], tool_choice: { type: 'auto' } },
      expects: { body },
    }),
  ),
  ...each(four, () => ({
    id: 44,
    title: 'a choice that does not exist is refused before the request',
    request: { tools: [tool()], tool_choice: 'sometimes' },
    expects: { error: BadRequestError, answer: { status: 400 } },
  })),
  {
    id: 45,
    title: 'a forced tool is refused while the model thinks by a budget',
    model: sonnet,
    request: { tools: [tool()], tool_choice: 'required', reasoning_effort: 'low' },
    expects: { error: UnsupportedParamsError, names: ['tool_choice', 'thinking'] },
  },
  {
    id: 45,
    title: 'with drop_params the model may choose',
    model: sonnet,
    request: {
      tools: [tool()],
      tool_choice: 'required',
      reasoning_effort: 'low',
      drop_params: true,
    },
    expects: {
      body: { tool_choice: { type: 'auto' }, thinking: { type: 'enabled' } },
      warns: ['changed tool_choice'],
    },
  },
  ...each([...four, 'compatible/m'], () => ({
    id: 46,
    title: 'an empty list of tools is no list',
    request: { tools: [] },
    expects: { lacks: ['tools', 'tool_choice', 'toolConfig'] },
  })),
  {
    id: 47,
    title: 'a tool without parameters takes an empty object: Claude',
    model: sonnet,
    request: { tools: [{ type: 'function', function: { name: 'now' } }] },
    expects: { body: { tools: [{ name: 'now', input_schema: { type: 'object' } }] } },
  },
  ...each(['openai/gpt-4.1', 'xai/grok-4'], () => ({
    id: 47,
    title: 'the Responses API',
    request: { tools: [{ type: 'function', function: { name: 'now' } }] },
    expects: { body: { tools: [{ name: 'now', parameters: { type: 'object' } }] } },
  })),
  {
    id: 47,
    title: 'Gemini, where no parameters are none',
    model: flash,
    request: { tools: [{ type: 'function', function: { name: 'now' } }] },
    expects: {
      body: { tools: [{ functionDeclarations: [{ name: 'now' }] }] },
      lacks: ['tools.0.functionDeclarations.0.parameters'],
    },
  },
  {
    id: 48,
    title: 'Grok gets no strict, and the tool of the caller keeps it',
    model: 'xai/grok-4',
    messages: [user()],
    request: { tools: [tool('look', { strict: true })] },
    expects: { body: { tools: [{ name: 'look' }] }, lacks: ['tools.0.strict'] },
  },
]

export const params: readonly CallCase[] = [...limits, ...thinking, ...sampling, ...toolChoice]
