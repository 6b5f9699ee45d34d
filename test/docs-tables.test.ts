/** Tables in docs/ are compared with the code, row by row. */
import { execFile } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { promisify } from 'node:util'
import * as tetrad from 'tetrad'
import { params } from 'tetrad/middleware'
import { anthropic } from 'tetrad/providers/anthropic'
import { compatible } from 'tetrad/providers/compatible'
import { gemini } from 'tetrad/providers/gemini'
import { openai } from 'tetrad/providers/openai'
import { xai } from 'tetrad/providers/xai'
import { fail, type MockServer, mockServer, say } from 'tetrad/testing'
import ts from 'typescript'
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest'
import { script } from '../examples/demo/script.js'

const run = promisify(execFile)

/** The rows of the table below a heading, without head and separator. */
function tableOf(page: string, heading: string): readonly (readonly string[])[] {
  const text = readFileSync(page, 'utf8')
  const section = text.split(`\n## ${heading}\n`)[1]?.split('\n## ')[0] ?? ''
  const rows = section.split('\n').filter((line) => line.startsWith('|'))
  return rows.slice(2).map((row) =>
    row
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.trim()),
  )
}

const codeOf = (cell: string) => [...cell.matchAll(/`([^`]+)`/g)].map(([, code = '']) => code)

let server: MockServer
let ai: tetrad.Client

beforeAll(async () => {
  server = await mockServer()
  server.reply(say('Hello.'))
  ai = tetrad.createClient({
    providers: [
      openai(server.options('openai')),
      anthropic(server.options('anthropic')),
      gemini(server.options('gemini')),
      xai(server.options('xai')),
      compatible({ name: 'own', ...server.options('compatible') }),
    ],
    use: [params()],
  })
})
afterAll(() => server.close())

describe('README', () => {
  it('names the environment variable of each key', async () => {
    const rows = tableOf('README.md', 'Providers').filter(([, , key = '']) => key.includes('_KEY'))
    expect(rows).toHaveLength(4)
    onTestFinished(() => void vi.unstubAllEnvs())
    for (const [name = '', , key = ''] of rows) {
      const [variable = ''] = codeOf(key)
      vi.stubEnv(variable, undefined)
      const model = `${codeOf(name)[0]?.split('/')[0]}/any`
      const call = tetrad
        .createClient()
        .generate({ model, messages: [{ role: 'user', content: 'Hi' }] })
      await expect(call).rejects.toMatchObject({
        code: 'missing_api_key',
        message: expect.stringContaining(variable),
      })
    }
  })

  it('names existing policies, each at its own subpath', async () => {
    const [, names = ''] =
      /^Policies are layers, each in its own subpath: (.*?)\./m.exec(
        readFileSync('README.md', 'utf8'),
      ) ?? []
    expect(codeOf(names).length).toBeGreaterThan(9)
    for (const name of codeOf(names)) {
      const path = name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)
      expect(await import(`../middleware/${path}.ts`)).toHaveProperty(name, expect.any(Function))
    }
  })

  it('has the measured figures', async () => {
    await run(process.execPath, ['test/bench/report.mjs', '--check'])
  })

  it('names the providers that `npm run demo -- --live` calls when their keys are set', async () => {
    const live = await mockServer()
    onTestFinished(() => live.close())
    for (const _ of ['openai', 'anthropic', 'gemini', 'xai']) script(live)
    const { GEMINI_API_KEY: _, ...env } = live.env
    const { stdout } = await run('npm', ['run', '-s', 'demo', '--', '--live'], {
      env: { PATH: process.env.PATH, HOME: process.env.HOME, ...env },
    })
    expect(stdout).toContain('is left out: GEMINI_API_KEY is not set')
    expect(live.requests.map(({ provider }) => provider)).toEqual([
      ...Array(3).fill('openai'),
      ...Array(3).fill('anthropic'),
      ...Array(3).fill('xai'),
    ])
    expect(stdout.match(/no umbrella today/g)).toHaveLength(3)
  })
})

it('docs/README.md lists each page once', () => {
  const links = [...readFileSync('docs/README.md', 'utf8').matchAll(/\]\(([\w-]+\.md)\)/g)]
  const pages = readdirSync('docs').filter((name) => name.endsWith('.md') && name !== 'README.md')
  expect(links.map(([, name]) => name).toSorted()).toEqual(pages.toSorted())
})

describe('docs/middleware.md', () => {
  const files = { StreamChunk: 'src/chat/response.ts', Context: 'src/core/context.ts' }
  const program = ts.createProgram(Object.values(files), { strict: true, noLib: true })
  const checker = program.getTypeChecker()
  const typeOf = (name: keyof typeof files): ts.Type => {
    const found = program.getSourceFile(files[name])?.statements.find((one) => {
      const isType = ts.isTypeAliasDeclaration(one) || ts.isInterfaceDeclaration(one)
      return isType && one.name.text === name
    })
    if (!found) throw new Error(`${files[name]} has no ${name}`)
    return checker.getTypeAtLocation(found)
  }
  const wordOf = (member: ts.Symbol) => {
    const isOptional = (member.flags & ts.SymbolFlags.Optional) !== 0
    if (member.name === 'type') return checker.typeToString(checker.getTypeOfSymbol(member))
    return isOptional ? `${member.name}?` : member.name
  }

  it('lists each chunk with the members of its type', () => {
    const union = typeOf('StreamChunk')
    const chunks = (union.isUnion() ? union.types : []).map((type) =>
      type.getProperties().map(wordOf),
    )
    const rows = tableOf('docs/middleware.md', 'Chunks').flatMap(([names = '', members = '']) =>
      codeOf(names).map((name) => [
        `"${name}"`,
        ...codeOf(members).map((one) => one.replace(/: .*/, '')),
      ]),
    )
    const sorted = (all: readonly (readonly string[])[]) =>
      all.map((one) => one.toSorted()).toSorted()
    expect(sorted(rows)).toEqual(sorted(chunks))
  })

  it('lists each member of ctx', () => {
    const members = typeOf('Context')
      .getProperties()
      .map(({ name }) => name)
    const rows = tableOf('docs/middleware.md', 'Members of `ctx`')
    const named = rows
      .flatMap(([names = '']) => codeOf(names))
      .map((one) => one.replace(/\(.*/, ''))
    expect(named.toSorted()).toEqual(members.toSorted())
  })
})

describe('the classes of docs/errors.md', () => {
  const rows = tableOf('docs/errors.md', 'Classes')
  const exported = new Map<string, unknown>(Object.entries(tetrad))

  it('are complete', () => {
    const named = rows.flatMap(([name = '']) => codeOf(name))
    const own = [...exported.keys()].filter((name) => /^(?!Tetrad)[A-Z]\w*Error$/.test(name))
    expect(named.toSorted()).toEqual(own.toSorted())
  })

  it.each(rows)('%s, %s, retryable: %s', async (cell, statuses, again) => {
    const [name = ''] = codeOf(cell)
    // each row has the name of a class
    const Class = exported.get(name) as typeof tetrad.TetradError
    expect(Class.retryable).toBe(again === 'yes')
    // a 400 or a 429 may be another class, by the provider's code
    const isByCode = Class.prototype instanceof tetrad.BadRequestError
    for (const status of isByCode ? [] : (statuses.match(/\d+/g) ?? [])) {
      if (name === 'QuotaExceededError' && status === '429') continue
      server.script(fail(Number(status)))
      const request = {
        model: 'openai/gpt-5.1',
        messages: [{ role: 'user', content: 'Hi' }],
      } as const
      const error = await ai.generate(request).catch((reason) => reason)
      expect(error).toMatchObject({ name, status: Number(status) })
    }
  })
})

const tool = (name: string) => ({ type: 'function', function: { name, parameters: {} } })
const tools = [tool('f'), tool('g')]
const schema = { type: 'object', properties: { a: { type: 'string' } } }

/** A value that every API with the parameter accepts, and the members it requires. */
const examples: Readonly<Record<string, object>> = {
  max_tokens: { max_tokens: 100 },
  max_completion_tokens: { max_completion_tokens: 100 },
  temperature: { temperature: 0.5 },
  top_p: { top_p: 0.9 },
  top_k: { top_k: 40 },
  stop: { stop: ['END'] },
  seed: { seed: 7 },
  presence_penalty: { presence_penalty: 0.5 },
  frequency_penalty: { frequency_penalty: 0.5 },
  logit_bias: { logit_bias: { 1: 1 } },
  logprobs: { logprobs: true },
  top_logprobs: { logprobs: true, top_logprobs: 2 },
  tools: { tools },
  tool_choice: { tools, tool_choice: 'required' },
  parallel_tool_calls: { tools, parallel_tool_calls: false },
  response_format: { response_format: { type: 'json_schema', json_schema: { name: 'r', schema } } },
  reasoning_effort: { reasoning_effort: 'low' },
  thinking: { thinking: { type: 'enabled', budget_tokens: 2000 } },
  verbosity: { verbosity: 'low' },
  modalities: { modalities: ['text', 'image'] },
  user: { user: 'u' },
  safety_identifier: { safety_identifier: 's' },
  metadata: { metadata: { a: 'b' } },
  store: { store: true },
  service_tier: { service_tier: 'flex' },
  prompt_cache_key: { prompt_cache_key: 'k' },
  previous_response_id: { previous_response_id: 'r' },
  web_search_options: { web_search_options: {} },
}

const models = [
  'openai/gpt-5.1',
  'anthropic/claude-sonnet-4-5',
  'gemini/gemini-2.5-flash',
  'xai/grok-4.3',
  'own/any',
]

describe('where each parameter is sent, by docs/parameters.md', () => {
  const cells = tableOf('docs/parameters.md', 'Where each goes').flatMap(
    ([names = '', ...fields]) =>
      codeOf(names).flatMap((param) =>
        fields.map((field, index) => ({ param, field, model: models[index] ?? '' })),
      ),
  )

  it('has a row for each parameter', () => {
    expect([...new Set(cells.map(({ param }) => param))]).toEqual(Object.keys(examples))
  })

  it.each(cells)('$param on $model: $field', async ({ param, field, model }) => {
    const example = tierOf(model, param) ?? examples[param]
    const messages = [{ role: 'user', content: 'Hi' }] as const
    const ask = async (more: object) => {
      const { warnings } = await ai.generate({ model, messages, ...more })
      return { warnings, body: server.requests.at(-1)?.body }
    }
    if (field === '–')
      return expect(ask({ ...example })).rejects.toThrow(tetrad.UnsupportedParamsError)
    const { warnings, body } = await ask({ ...example })
    if (field === '*warning*') return expect(warnings).toMatchObject([{ param }])
    const path = pathOf(param, field, model)
    expect(at(body, path), path).not.toEqual(at((await ask({})).body, path))
  })
})

/** Anthropic has other tiers. */
const tierOf = (model: string, param: string) =>
  model.startsWith('anthropic/') && param === 'service_tier' ? { service_tier: 'auto' } : undefined

/** A field of the body; nested members are separated by dots. */
function pathOf(param: string, field: string, model: string): string {
  const [name = ''] = field === 'the same' ? [param] : codeOf(field)
  if (!model.startsWith('gemini/')) return name
  return name.startsWith('/') ? name.slice(1) : `generationConfig.${name}`
}

function at(body: unknown, path: string): unknown {
  let value = body
  // a missing member is undefined
  for (const step of path.split('.')) value = (value as Record<string, unknown> | undefined)?.[step]
  return value
}
