/** Responses of the providers, in one shape. */
import { isObject } from '../../src/chat/index.js'
import { callTool, refuse, say, think } from '../../src/testing/index.js'
import type { CallCase } from './case.js'

const gpt = 'openai/gpt-4.1'
const sonnet = 'anthropic/claude-sonnet-4-5'
const flash = 'gemini/gemini-2.5-flash'
const usage = { prompt_tokens: 10, completion_tokens: 4 }

/** A call whose response has this status, in both modes. */
const withStatus = (status: string | undefined) =>
  callTool('f', { a: 1 })
    .editBody((body) => ({ ...body, status }))
    .editEvents((events) =>
      events.map((event) => {
        const { data } = event
        if (!isObject(data) || !isObject(data.response)) return event
        return { ...event, data: { ...data, response: { ...data.response, status } } }
      }),
    )

export const answers: readonly CallCase[] = [
  {
    id: 109,
    title: 'the input of a call is JSON text',
    model: sonnet,
    script: [callTool('f', { a: 1 }).callTool('g', {})],
    expects: {
      answer: {
        finish_reason: 'tool_calls',
        message: {
          tool_calls: [
            { function: { name: 'f', arguments: '{"a":1}' } },
            { function: { name: 'g', arguments: '{}' } },
          ],
        },
      },
    },
  },
  {
    id: 110,
    title: 'two texts and two calls are one answer',
    model: gpt,
    script: [say('One ').say('two').callTool('f', { a: 1 }).callTool('g', { b: 2 })],
    expects: {
      answer: {
        text: 'One two',
        finish_reason: 'tool_calls',
        message: { tool_calls: [{ function: { name: 'f' } }, { function: { name: 'g' } }] },
      },
    },
  },
  {
    id: 111,
    title: 'a refusal is no text, and ends as filtered',
    model: gpt,
    script: [refuse('I cannot do that.')],
    expects: {
      answer: {
        text: '',
        finish_reason: 'content_filter',
        message: { refusal: 'I cannot do that.' },
      },
    },
  },
  {
    id: 112,
    title: 'all summaries of the reasoning are there',
    model: 'openai/gpt-5',
    script: [think(['First.', 'Second.']).say('Done')],
    expects: { answer: { text: 'Done', message: { reasoning_content: 'First.\n\nSecond.' } } },
  },
  {
    id: 113,
    title: 'an answer cut by its limit says so, and what it used',
    model: gpt,
    script: [say('One two').finish('length').usage(usage)],
    expects: {
      answer: {
        text: 'One two',
        finish_reason: 'length',
        usage: { ...usage, total_tokens: 14 },
      },
    },
  },
  {
    id: 113,
    title: 'an answer cut by a filter says so',
    model: gpt,
    script: [say('One two').finish('content_filter').usage(usage)],
    expects: { answer: { text: 'One two', finish_reason: 'content_filter', usage } },
  },
  {
    id: 114,
    title: 'a refusal of Claude is a filter',
    model: sonnet,
    script: [say('I').finish('content_filter', { native: 'refusal' })],
    expects: { answer: { finish_reason: 'content_filter', native_finish_reason: 'refusal' } },
  },
  {
    id: 114,
    title: 'a pause is a stop that tells its own name',
    model: sonnet,
    script: [
      say('Wait').finish('stop', { native: 'pause_turn' }),
      say(' and see').finish('stop', { native: 'end_turn' }),
    ],
    stack: [],
    expects: { answer: { finish_reason: 'stop', native_finish_reason: 'pause_turn' } },
  },
  {
    id: 115,
    title: 'a prompt that was blocked has no content',
    model: flash,
    script: [refuse('', { ofPrompt: true })],
    expects: {
      answer: { text: '', finish_reason: 'content_filter', message: { content: null } },
      warns: ['other'],
    },
  },
  {
    id: 115,
    title: 'a malformed call is no quiet stop',
    model: flash,
    script: [say('').finish('stop', { native: 'MALFORMED_FUNCTION_CALL' })],
    expects: {
      answer: { finish_reason: 'stop', native_finish_reason: 'MALFORMED_FUNCTION_CALL' },
      warns: ['other'],
    },
  },
  {
    id: 116,
    title: 'a call makes STOP a tool call',
    model: flash,
    script: [callTool('f', { a: 1 })],
    expects: { answer: { finish_reason: 'tool_calls', native_finish_reason: 'STOP' } },
  },
  {
    id: 116,
    title: 'a limit stays a limit',
    model: flash,
    script: [callTool('f', { a: 1 }).finish('length')],
    expects: { answer: { finish_reason: 'length', native_finish_reason: 'MAX_TOKENS' } },
  },
  {
    id: 117,
    title: 'an end that is not told is a tool call where there are calls: Grok',
    model: 'xai/grok-4',
    script: [withStatus('')],
    expects: { answer: { finish_reason: 'tool_calls', message: { tool_calls: [{}] } } },
  },
  {
    id: 117,
    title: 'nor is one that is not there: Grok',
    model: 'xai/grok-4',
    script: [withStatus(undefined)],
    expects: { answer: { finish_reason: 'tool_calls', message: { tool_calls: [{}] } } },
  },
  {
    id: 117,
    title: 'an empty reason to end is a tool call where there are calls: Chat Completions',
    model: 'compatible/m',
    script: [callTool('f', { a: 1 }).finish('tool_calls', { native: '' })],
    expects: { answer: { finish_reason: 'tool_calls' } },
  },
]
