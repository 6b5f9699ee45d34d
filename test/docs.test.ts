/**
 * The code of README and docs: a block that opens with "ts check" compiles against the package, one that opens with
 * "ts run" also runs, with every provider's address led to a mock server by the environment (`OWN_SERVER_URL` is its
 * Chat Completions). What it prints is named by comments ("// prints …"), or is what the mock server says. A block that
 * opens with "// chat.ts" is the file of that name. What a block takes from the reader's app stands in a comment before
 * it: "<!-- given … -->".
 */
import { execFileSync } from 'node:child_process'
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { pathToFileURL } from 'node:url'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { createClient } from '../src/index.js'
import { fail, type MockServer, mockServer, say } from '../src/testing/index.js'
import { type Serving, serve } from './http/support.js'

const folder = new URL('./.docs/', import.meta.url)
const pages = ['README.md', ...readdirSync('docs').map((name) => `docs/${name}`)]

interface Block {
  readonly name: string
  readonly file: string
  readonly isRun: boolean
  /** Output lines that the block names. */
  readonly prints: readonly string[]
  readonly code: string
}

const blockPattern = /(?:^<!-- given\n((?:(?!-->).)*)-->\n+)?^```tsx? (check|run)\n(.*?)^```$/gms

const blocks = pages.filter((page) => page.endsWith('.md')).flatMap(blocksOf)

/** The file name in the first line of a block: blocks may import each other. */
function nameOf(code: string): string | undefined {
  return /^\/\/ ([\w.-]+\.tsx?)\n/.exec(code)?.[1]
}

function blocksOf(page: string): readonly Block[] {
  const found = readFileSync(page, 'utf8').matchAll(blockPattern)
  return [...found].map(([, given = '', mark, code = ''], index) => ({
    name: `${page}, block ${index + 1}`,
    file: nameOf(code) ?? `${page.replaceAll(/\W+/g, '-')}-${index + 1}.ts`,
    isRun: mark === 'run',
    prints: [...code.matchAll(/\/\/ prints (.*)$/gm)].map(([, line = '']) => line),
    code: `${given}\n${code}`,
  }))
}

let server: MockServer

beforeAll(async () => {
  rmSync(folder, { recursive: true, force: true })
  mkdirSync(folder, { recursive: true })
  for (const { file, code } of blocks) writeFileSync(new URL(file, folder), `${code}\nexport {}\n`)
  const config = { extends: '../../tsconfig.json', include: ['*.ts'], exclude: [] }
  writeFileSync(new URL('tsconfig.json', folder), JSON.stringify(config))
  server = await mockServer()
  server.reply(say('Hello from the docs.'))
  for (const [name, value] of Object.entries(server.env)) vi.stubEnv(name, value)
  vi.stubEnv('OWN_SERVER_URL', server.baseURL('compatible'))
})

afterAll(async () => {
  vi.unstubAllEnvs()
  await server.close()
  rmSync(folder, { recursive: true, force: true })
})

it('no two blocks have the same file name', () => {
  const files = blocks.map(({ file }) => file)
  expect(files.filter((file, index) => files.indexOf(file) !== index)).toEqual([])
})

it('every checked block compiles', { timeout: 120_000 }, () => {
  expect(blocks.length).toBeGreaterThan(0)
  const compile = () =>
    execFileSync('npx', ['tsc', '--noEmit', '-p', new URL('tsconfig.json', folder).pathname], {
      encoding: 'utf8',
    })
  expect(errorsOf(compile)).toBe('')
})

const errorsOf = (compile: () => string): string => {
  try {
    return compile()
  } catch (error) {
    // the compiler reports errors on stdout
    return String((error as { readonly stdout?: unknown }).stdout)
  }
}

describe('each runnable block runs against the mock server', () => {
  it.each(blocks.filter(({ isRun }) => isRun))('$name', async ({ file, prints }) => {
    let printed = ''
    const print = (text: string) => {
      printed += text
    }
    const log = vi
      .spyOn(console, 'log')
      .mockImplementation((...line) => print(`${line.join(' ')}\n`))
    const write = vi.spyOn(process.stdout, 'write').mockImplementation((text) => {
      print(`${text}`)
      return true
    })
    const requests = server.requests.length
    try {
      await import(pathToFileURL(new URL(file, folder).pathname).href)
    } finally {
      log.mockRestore()
      write.mockRestore()
    }
    if (prints.length > 0) return expect(printed.trimEnd().split('\n')).toEqual(prints)
    expect(server.requests.length).toBeGreaterThan(requests)
    expect(printed).toContain('Hello from the docs.')
  })
})

describe('the cost limit of README, in its Express route', () => {
  let serving: Serving
  beforeAll(async () => {
    const section = readFileSync('README.md', 'utf8').split('### A cost cap of your own')[1] ?? ''
    const [cap, route] = [...section.matchAll(blockPattern)].map(([, , , code]) => code)
    const file = new URL('README-cost-cap.ts', folder)
    writeFileSync(file, `${cap}\n${route}\nexport { app }\n`)
    const log = vi.spyOn(console, 'log').mockImplementation(() => {})
    const { app } = await import(pathToFileURL(file.pathname).href)
    log.mockRestore()
    serving = await serve(app)
  })
  afterAll(() => serving.close())

  const send = (user: string, stream = true) =>
    fetch(`${serving.url}/api/chat`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Bearer token-of-${user}` },
      body: JSON.stringify({ stream, messages: [{ role: 'user', content: 'Hi' }] }),
    })

  it('is under 30 lines', () => {
    const [block] = blocks.filter(({ code }) => code.includes('costCap'))
    const [, cap = ''] = block?.code.split(/^(?=const costCap)/m) ?? []
    expect(cap.split('\n}\n')[0]?.split('\n').length).toBeLessThan(30)
  })

  it('ends the stream that reaches the limit, keeps its text and rejects the next; others go on', async () => {
    // at 2 USD per million tokens, 0.05 USD is 25,000 words
    const long = 'word '.repeat(40_000)
    server.script(say(long, { chunks: 40 }))
    const events = await (await send('ann')).text()
    const streamedText = [...events.matchAll(/"text":"([^"]*)"/g)].map(([, text]) => text).join('')
    expect(streamedText.length).toBeGreaterThan(long.length / 4)
    expect(streamedText.length).toBeLessThan(long.length)
    expect(events).toContain('budget_exceeded')

    const asked = server.requests.length
    for (const stream of [true, false]) {
      const refused = await send('ann', stream)
      expect(refused.status).toBe(429)
      expect(await refused.text()).toContain('budget_exceeded')
    }
    expect(server.requests).toHaveLength(asked)
    for (const stream of [true, false])
      expect(await (await send('bob', stream)).text()).toContain('docs')
    expect((await send('eve')).status).toBe(401)
  })
})

describe('the middleware of README', () => {
  const fileOf = (word: string) => blocks.find(({ code }) => code.includes(word))?.file ?? ''
  const load = () => import(pathToFileURL(new URL(fileOf('maskMail'), folder).pathname).href)
  const request = {
    model: 'openai/gpt-5-mini',
    messages: [{ role: 'user', content: 'Hi' }],
  } as const

  it('masks addresses wherever a stream is split, and in a generate call', async () => {
    const { maskMail } = await load()
    const ai = createClient({ use: [maskMail()] })
    const answer = say('Write to ada@example.com, she knows.', { chunks: 9 }).splitBytes(7)
    server.script(answer, answer)
    const streamed = await ai.stream(request).response
    const whole = await ai.generate(request)
    for (const { text } of [streamed, whole]) expect(text).toBe('Write to ••• she knows.')
  })

  it('logs one line per call, whatever its outcome', async () => {
    const { timing } = await load()
    const lines: unknown[][] = []
    const ai = createClient({ use: [timing((...line: unknown[]) => lines.push(line))] })
    server.script(say('One two.'), fail(400), say('word '.repeat(100)).stall(9))
    await ai.generate(request)
    await ai.generate(request).catch(() => {})
    for await (const _ of ai.stream(request)) break
    expect(lines).toEqual(
      Array(3).fill(['openai/gpt-5-mini', expect.any(Number), expect.any(Number)]),
    )
  })
})
