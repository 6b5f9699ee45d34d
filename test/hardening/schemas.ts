/** Schemas of tools and responses, each in the dialect of its wire. */
import { callTool, say } from '../../src/testing/index.js'
import type { CallCase } from './case.js'

const flash = 'gemini/gemini-2.5-flash'
const tool = (parameters: object) => ({ type: 'function', function: { name: 'look', parameters } })
const answerOf = (schema: object, more: object = { name: 'answer' }) => ({
  response_format: { type: 'json_schema', json_schema: { schema, ...more } },
})

const tree = {
  type: 'object',
  properties: { children: { type: 'array', items: { $ref: '#/$defs/node' } } },
  $defs: {
    node: { type: 'object', properties: { next: { $ref: '#/$defs/node' } } },
  },
}
const loose = {
  type: 'object',
  properties: {
    a: { type: ['string', 'null'] },
    b: { type: 'string', enum: ['a', ''] },
    c: { type: 'array', items: {} },
  },
}
/** A nullable text, no empty value, items with a type: JSON text, which may be anything. */
const cleaned = {
  type: 'OBJECT',
  properties: {
    a: { type: 'STRING', nullable: true },
    b: { type: 'STRING', enum: ['a'] },
    c: { type: 'ARRAY', items: { type: 'STRING', description: 'JSON text' } },
  },
}
const list = {
  type: 'object',
  properties: { tags: { type: 'array', items: { type: 'string' }, minItems: 3 } },
  required: ['tags'],
}

export const schemas: readonly CallCase[] = [
  {
    id: 103,
    title: 'a schema that refers to itself comes to an end',
    model: flash,
    request: { tools: [tool(tree)] },
    expects: {
      body: { tools: [{ functionDeclarations: [{ name: 'look' }] }] },
      warns: ['changed tools'],
    },
  },
  {
    id: 104,
    title: 'Gemini gets the JSON Schema of a tool as such',
    model: flash,
    request: { tools: [tool(loose)] },
    expects: {
      body: { tools: [{ functionDeclarations: [{ name: 'look', parametersJsonSchema: loose }] }] },
      lacks: ['tools.0.functionDeclarations.0.parameters'],
    },
  },
  {
    id: 104,
    title: 'a model that takes the older dialect gets what that would refuse in words it has',
    model: 'gemini/gemini-1.5-flash',
    request: { tools: [tool(loose)] },
    expects: {
      body: { tools: [{ functionDeclarations: [{ name: 'look', parameters: cleaned }] }] },
      lacks: [
        'tools.0.functionDeclarations.0.parametersJsonSchema',
        'tools.0.functionDeclarations.0.parameters.properties.b.enum.1',
      ],
      warns: ['changed tools', 'changed tools'],
    },
  },
  {
    id: 105,
    title: 'a model that holds to a schema gets it, closed, and what it cannot hold to as words',
    model: 'anthropic/claude-sonnet-4-5',
    request: answerOf(list),
    script: [say('{"tags":["a"]}')],
    expects: {
      body: {
        output_config: {
          format: { type: 'json_schema', schema: { type: 'object', additionalProperties: false } },
        },
      },
      lacks: ['output_config.format.schema.properties.tags.minItems'],
      warns: ['changed response_format'],
    },
  },
  {
    id: 106,
    title: 'an older model answers through a tool that nobody sees',
    model: 'anthropic/claude-3-haiku-20240307',
    request: answerOf(list),
    script: [
      ({ body }) =>
        callTool((body.tools as { name: string }[])[0]?.name ?? '', { tags: ['a', 'b', 'c'] }),
    ],
    expects: {
      body: { tools: [{}] },
      answer: { text: '{"tags":["a","b","c"]}', finish_reason: 'stop' },
    },
  },
  {
    id: 106,
    title: 'a real tool that it calls is a call',
    model: 'anthropic/claude-3-haiku-20240307',
    request: { ...answerOf(list), tools: [tool({ type: 'object' })] },
    script: [callTool('look', { q: 1 }, { id: 'c1' })],
    expects: {
      answer: {
        text: '',
        finish_reason: 'tool_calls',
        message: { tool_calls: [{ id: 'c1', function: { name: 'look', arguments: '{"q":1}' } }] },
      },
    },
  },
  {
    id: 107,
    title: 'Gemini 3 gets JSON Schema as such',
    model: 'gemini/gemini-3-pro-preview',
    request: answerOf(list),
    script: [say('{"tags":["a"]}')],
    expects: {
      body: {
        generationConfig: {
          responseMimeType: 'application/json',
          responseJsonSchema: { type: 'object' },
        },
      },
      lacks: ['generationConfig.responseSchema'],
    },
  },
  {
    id: 108,
    title: 'a schema without a name gets one, and is not strict by itself',
    model: 'openai/gpt-4.1',
    request: answerOf(list, {}),
    script: [say('{"tags":["a"]}')],
    expects: {
      body: { text: { format: { type: 'json_schema', name: 'response_schema', strict: false } } },
    },
  },
]
