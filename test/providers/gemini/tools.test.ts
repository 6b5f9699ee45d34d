/** Function tools, Google's hosted tools, and tool_choice. */
import { describe, expect, it } from 'vitest'
import type { ToolChoice } from '../../../src/chat/index.js'
import { BadRequestError } from '../../../src/core/index.js'
import { codes, flash25, params, tool, write } from './support.js'

const declarations = (written: ReturnType<typeof write>) =>
  written.body.tools?.flatMap(({ functionDeclarations = [] }) => functionDeclarations)

describe('functions', () => {
  it('share one entry, with JSON Schema', () => {
    const parameters = {
      type: 'object',
      properties: { city: { type: 'string' } },
      required: ['city'],
    }
    const written = write({ tools: [tool('a', parameters, { description: 'Looks.' }), tool('b')] })
    expect(written.body.tools).toEqual([
      {
        functionDeclarations: [
          { name: 'a', description: 'Looks.', parametersJsonSchema: parameters },
          { name: 'b', parametersJsonSchema: { type: 'object', properties: {} } },
        ],
      },
    ])
    expect(written.warnings).toEqual([])
  })

  it('a schema in the OpenAPI dialect stays in it', () => {
    const parameters = { type: 'OBJECT', properties: { city: { type: 'STRING' } } }
    expect(declarations(write({ tools: [tool('a', parameters)] }))).toEqual([
      { name: 'a', parameters },
    ])
  })

  it('models before 2.0 receive that dialect', () => {
    const written = write({
      model: 'gemini-1.5-pro',
      tools: [tool('a', { type: 'object', properties: { n: { type: 'integer' } } }), tool('b')],
    })
    expect(declarations(written)).toEqual([
      { name: 'a', parameters: expect.objectContaining({ type: 'OBJECT' }) },
      { name: 'b' },
    ])
  })

  it('a recursive schema is converted too', () => {
    const node = { type: 'object', properties: { next: { $ref: '#/$defs/node' } } }
    const written = write({ tools: [tool('a', { ...node, $defs: { node } })] })
    expect(declarations(written)).toHaveLength(1)
  })

  it('a custom tool is a function with one text, its grammar in the description', () => {
    const format = { type: 'grammar', syntax: 'regex', definition: '[a-z]+' }
    const written = write({
      tools: [
        { type: 'custom', custom: { name: 'shell', description: 'Runs.' } },
        { type: 'custom', custom: { name: 'word', format } },
      ],
    })
    expect(declarations(written)).toEqual([
      {
        name: 'shell',
        description: 'Runs.',
        parametersJsonSchema: {
          type: 'object',
          properties: { input: { type: 'string', description: 'Free text.' } },
          required: ['input'],
        },
      },
      expect.objectContaining({ name: 'word' }),
    ])
    expect(JSON.stringify(declarations(written))).toContain('[a-z]+')
    expect(codes(written)).toEqual(['changed'])
  })

  it('strict calls are validated, if the model supports it', () => {
    const tools = [tool('a', {}, { strict: true })]
    expect(write({ tools }).body.toolConfig).toEqual({
      functionCallingConfig: { mode: 'VALIDATED' },
    })
    expect(write({ tools, model: 'gemini-2.0-flash' }).body).not.toHaveProperty('toolConfig')
    expect(params(write({ tools, model: 'gemini-2.0-flash' }))).toEqual([
      'tools[*].function.strict',
    ])
  })

  it('an empty list omits the field', () => {
    expect(write({ tools: [] }).body).not.toHaveProperty('tools')
  })

  it.each([
    [{ type: 'function' }],
    [{ type: 'function', function: {} }],
    [{ type: 'custom', custom: { name: '' } }],
  ])('a tool without a name is a BadRequestError: %j', (nameless) => {
    expect(() => write({ tools: [nameless] as never })).toThrow(BadRequestError)
  })

  it('parallel calls cannot be disabled, with a warning', () => {
    expect(params(write({ tools: [tool('a')], parallel_tool_calls: false }))).toEqual([
      'parallel_tool_calls',
    ])
    expect(write({ tools: [tool('a')], parallel_tool_calls: true }).warnings).toEqual([])
  })

  it('a model without tools gets none, with a warning', () => {
    const written = write({ model: 'gemini-2.5-flash-preview-tts', tools: [tool('a')] })
    expect(written.body).not.toHaveProperty('tools')
    expect(params(written)).toEqual(['tools'])
  })
})

describe('hosted tools', () => {
  it('in Gemini’s own format are passed unchanged, one entry each', () => {
    const tools = [
      { googleSearch: {} },
      { code_execution: {} },
      { urlContext: {} },
      { fileSearch: { fileSearchStoreNames: ['fileSearchStores/a'] } },
      { computerUse: { environment: 'ENVIRONMENT_BROWSER' } },
    ]
    expect(write({ tools }).body.tools).toEqual(tools)
  })

  it.each([
    ['web_search', { googleSearch: {} }],
    ['web_search_preview_2025_03_11', { googleSearch: {} }],
    ['web_search_20250305', { googleSearch: {} }],
    ['google_search', { googleSearch: {} }],
    ['code_interpreter', { codeExecution: {} }],
    ['code_execution_20250825', { codeExecution: {} }],
    ['web_fetch_20250910', { urlContext: {} }],
  ])('%s of another provider has an equivalent', (type, entry) => {
    expect(write({ tools: [{ type, name: 'x' }] })).toMatchObject({
      body: { tools: [entry] },
      warnings: [],
    })
  })

  it('options that Gemini lacks are ignored, with a warning', () => {
    const written = write({ tools: [{ type: 'web_search', max_uses: 3 }] })
    expect(written.body.tools).toEqual([{ googleSearch: {} }])
    expect(codes(written)).toEqual(['ignored'])
  })

  it('an MCP server is supported', () => {
    const mcp = { type: 'mcp', server_label: 'a', server_url: 'https://mcp/', headers: { x: '1' } }
    expect(write({ tools: [mcp] }).body.tools).toEqual([
      {
        mcpServers: [
          { name: 'a', streamableHttpTransport: { url: 'https://mcp/', headers: { x: '1' } } },
        ],
      },
    ])
  })

  it('an unknown one is dropped, with a warning', () => {
    const written = write({ tools: [{ type: 'image_generation' }, tool('a')] })
    expect(written.body.tools).toHaveLength(1)
    expect(codes(written)).toEqual(['dropped'])
  })

  it('web_search_options add the search, once', () => {
    expect(write({ web_search_options: {} }).body.tools).toEqual([{ googleSearch: {} }])
    expect(
      write({ web_search_options: {}, tools: [{ googleSearch: {} }] }).body.tools,
    ).toHaveLength(1)
    expect(codes(write({ web_search_options: { search_context_size: 'low' } }))).toEqual([
      'ignored',
    ])
  })

  it('beside functions Gemini 3 reports its own calls; earlier models drop hosted tools with a warning', () => {
    const tools = [{ googleSearch: {} }, tool('a')]
    expect(write({ tools }).body).toMatchObject({
      tools: [{ functionDeclarations: [{ name: 'a' }] }, { googleSearch: {} }],
      toolConfig: { includeServerSideToolInvocations: true },
    })
    expect(write({ tools, tool_choice: 'auto' }).body.toolConfig?.functionCallingConfig).toEqual({
      mode: 'VALIDATED',
    })
    const older = write({ tools, model: flash25 })
    expect(older.body.tools).toEqual([{ functionDeclarations: [expect.anything()] }])
    expect(older.body).not.toHaveProperty('toolConfig')
    expect(params(older)).toEqual(['tools'])
  })

  it('tool_choice none drops them, with a warning', () => {
    const written = write({ tools: [{ googleSearch: {} }], tool_choice: 'none' })
    expect(written.body).not.toHaveProperty('tools')
    expect(codes(written)).toEqual(['changed'])
  })

  it('declarations in Gemini’s own format are functions', () => {
    const own = { functionDeclarations: [{ name: 'a' }] }
    const written = write({ tools: [own], tool_choice: 'required' })
    expect(written.body).toMatchObject({
      tools: [own],
      toolConfig: { functionCallingConfig: { mode: 'ANY' } },
    })
  })
})

describe('tool_choice', () => {
  const calling = (tool_choice: unknown) =>
    write({ tools: [tool('a'), tool('b')], tool_choice: tool_choice as ToolChoice }).body.toolConfig
      ?.functionCallingConfig

  it.each([
    ['auto', { mode: 'AUTO' }],
    ['none', { mode: 'NONE' }],
    ['required', { mode: 'ANY' }],
    [{ type: 'auto' }, { mode: 'AUTO' }],
    [{ type: 'required' }, { mode: 'ANY' }],
    [
      { type: 'function', function: { name: 'a' } },
      { mode: 'ANY', allowedFunctionNames: ['a'] },
    ],
    [
      { type: 'function', name: 'a' },
      { mode: 'ANY', allowedFunctionNames: ['a'] },
    ],
    [
      { type: 'custom', custom: { name: 'b' } },
      { mode: 'ANY', allowedFunctionNames: ['b'] },
    ],
    [
      {
        type: 'allowed_tools',
        allowed_tools: { mode: 'required', tools: [{ type: 'function', function: { name: 'a' } }] },
      },
      { mode: 'ANY', allowedFunctionNames: ['a'] },
    ],
    [
      {
        type: 'allowed_tools',
        allowed_tools: { mode: 'auto', tools: [{ type: 'function', name: 'a' }] },
      },
      { mode: 'VALIDATED', allowedFunctionNames: ['a'] },
    ],
  ])('%j is %j', (choice, expected) => {
    expect(calling(choice)).toEqual(expected)
  })

  it('without a value is not sent', () => {
    expect(write({ tools: [tool('a')] }).body).not.toHaveProperty('toolConfig')
  })

  it.each([['sometimes'], [{ type: 'function' }], [{}], [7]])(
    '%j is a BadRequestError',
    (choice) => {
      expect(() => calling(choice)).toThrow(BadRequestError)
    },
  )

  it('is dropped without tools, with a warning', () => {
    const written = write({ tool_choice: 'auto' })
    expect(written.body).not.toHaveProperty('toolConfig')
    expect(params(written)).toEqual(['tool_choice'])
    expect(write({ tool_choice: 'none' }).warnings).toEqual([])
  })
})
