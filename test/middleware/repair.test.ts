import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { repair } from '../../middleware/repair.js'
import { standard } from '../../middleware/standard.js'
import { tool } from '../../middleware/tools.js'
import { type Client, createClient } from '../../src/client.js'
import {
  AbortError,
  type Middleware,
  MisuseError,
  UnexpectedResponseError,
} from '../../src/core/index.js'
import {
  callTool,
  type MockServer,
  mockServer,
  refuse,
  type Step,
  say,
  think,
} from '../../src/testing/index.js'
import { middlewareContract } from '../contract/middleware.js'
import { collect, thrown } from './script.js'
import { adapters, models } from './wires.js'

middlewareContract('repair', () => repair())

const modes = ['generate', 'stream'] as const
type Mode = (typeof modes)[number]

const table = z.object({ name: z.string(), guests: z.number().int().max(8, 'too many') })
const right = '{"name":"Ada","guests":4}'
const wrong = '{"name":"Ada","guests":"a few"}'

const request = (model: string) => ({
  model,
  messages: [{ role: 'user', content: 'Book a table.' }] as const,
  response_format: table,
})

const send = (ai: Client, mode: Mode, model: string) =>
  mode === 'generate' ? ai.generate(request(model)) : ai.stream(request(model)).response

async function onServer(
  script: readonly Step[],
  use: readonly Middleware[],
  run: (ai: Client, server: MockServer) => Promise<void>,
): Promise<void> {
  await using server = await mockServer(script)
  await run(createClient({ providers: adapters(server), use }), server)
}

const bodyOf = (server: MockServer, nth: number) => JSON.stringify(server.requests[nth]?.body)

describe.each(modes)('%s', (mode) => {
  describe.each(models)('on the wire of %s', (model) => {
    it('a response that does not match is requested again with its defect', async () => {
      await onServer(
        [say(wrong), say(right)],
        standard({ with: [repair()] }),
        async (ai, server) => {
          const reply = await send(ai, mode, model)
          expect(reply.parsed).toEqual({ name: 'Ada', guests: 4 })
          expect(reply.text).toBe(right)
          expect(reply.messages).toHaveLength(1)
          expect(reply.attempts).toHaveLength(2)
          expect(reply.warnings.filter(({ code }) => code === 'repaired')).toHaveLength(1)
          expect(bodyOf(server, 1)).toContain('a few')
          expect(bodyOf(server, 1)).toMatch(/guests: .*number/)
        },
      )
    })

    it.each([
      ['a fence', `\`\`\`json\n${right}\n\`\`\``],
      ['a byte order mark', `\ufeff${right}`],
      ['a no-break space', `\u00a0${right}`],
    ])('%s is read without another request, with this layer and without', async (_, text) => {
      for (const use of [[], [repair()]])
        await onServer([say(text)], use, async (ai, server) => {
          const reply = await send(ai, mode, model)
          expect(reply.parsed).toEqual({ name: 'Ada', guests: 4 })
          expect(reply.text).toBe(text)
          expect(server.requests).toHaveLength(1)
        })
    })

    it('no tool runs twice, and its results are sent along', async () => {
      let runs = 0
      const tools = { free: tool({ execute: () => `table ${++runs}` }) }
      const script = [think('Hm.').callTool('free'), say(wrong), say(right)]
      await onServer(script, standard({ tools, with: [repair()] }), async (ai, server) => {
        // before Gemini 3, JSON formats cannot be combined with tools
        const reply = await send(ai, mode, model.replace('2.5-flash', '3-pro-preview'))
        expect(reply.parsed).toEqual({ name: 'Ada', guests: 4 })
        expect(runs).toBe(1)
        expect(reply.messages.map(({ role }) => role)).toEqual(['assistant', 'tool', 'assistant'])
        expect(bodyOf(server, 2)).toContain('table 1')
        expect(bodyOf(server, 2)).toContain('a few')
      })
    })
  })

  it('the last attempt fails as without this layer, with its text', async () => {
    const use = standard({ with: [repair({ attempts: 3 })] })
    await onServer([say(wrong), say('no'), say(wrong)], use, async (ai, server) => {
      const error = await thrown(send(ai, mode, 'openai/gpt-5'))
      expect(error).toBeInstanceOf(UnexpectedResponseError)
      expect(error).toMatchObject({
        code: 'schema_mismatch',
        partial: { text: wrong },
        attempts: { length: 3 },
      })
      expect(server.requests).toHaveLength(3)
    })
  })

  it.each([
    ['cut', say('{"name":').finish('length')],
    ['refused', refuse('No.')],
  ])('a response that was %s is not requested again', async (_, reply) => {
    await onServer([reply], standard({ with: [repair()] }), async (ai, server) => {
      expect(await thrown(send(ai, mode, 'openai/gpt-5'))).toBeInstanceOf(UnexpectedResponseError)
      expect(server.requests).toHaveLength(1)
    })
  })

  it('formats given as JSON are checked against their schema, others are ignored', async () => {
    const schema = { type: 'object', properties: { n: { type: 'number' } }, required: ['n'] }
    const formats = [
      [{ type: 'json_schema', json_schema: { name: 'n', schema } }, '{"n":"x"}', 2],
      [{ type: 'json_object' }, 'no', 2],
      [{ type: 'text' }, 'no', 1],
    ] as const
    for (const [response_format, text, requests] of formats)
      await onServer([say(text), say('{"n":1}')], [repair()], async (ai, server) => {
        const asked = { ...request('openai/gpt-5'), response_format }
        await (mode === 'generate' ? ai.generate(asked) : ai.stream(asked).response)
        expect(server.requests).toHaveLength(requests)
      })
  })

  it('an abort between two attempts ends the call', async () => {
    const controller = new AbortController()
    const again = () => {
      controller.abort()
      return say(right)
    }
    await onServer([say(wrong), again], [repair()], async (ai) => {
      const options = { signal: controller.signal }
      const asked = request('openai/gpt-5')
      const call =
        mode === 'generate' ? ai.generate(asked, options) : ai.stream(asked, options).response
      expect(await thrown(call)).toBeInstanceOf(AbortError)
    })
  })

  it('two calls at once are repaired separately', async () => {
    const script = (asked: { readonly text: string }) =>
      asked.text.includes('does not fit') ? say(right) : say(wrong)
    await onServer([], [repair()], async (ai, server) => {
      server.reply(script)
      const calls = models.map((model) => send(ai, mode, model))
      for (const reply of await Promise.all(calls)) expect(reply.text).toBe(right)
      expect(server.requests).toHaveLength(2 * models.length)
    })
  })
})

it('nothing of the dropped response is streamed', async () => {
  await onServer([say(wrong, { chunks: 5 }), say(right)], [repair()], async (ai) => {
    const { chunks } = await collect(ai.stream(request('anthropic/claude-sonnet-4-5')))
    expect(JSON.stringify(chunks)).not.toContain('"guests\\":\\"')
    expect(chunks.filter(({ type }) => type === 'start')).toHaveLength(1)
    expect(chunks.filter(({ type }) => type === 'finish')).toHaveLength(1)
  })
})

it('the steps of a loop stream as usual', async () => {
  const tools = { free: tool({ execute: () => 'yes' }) }
  const script = [callTool('free'), say(right)]
  await onServer(script, standard({ tools, with: [repair()] }), async (ai, server) => {
    for await (const chunk of ai.stream(request('openai/gpt-5')))
      if (chunk.type === 'tool-call-end') expect(server.requests).toHaveLength(1)
  })
})

it.each([0, 6, 1.5])('%s attempts are a MisuseError', (attempts) => {
  expect(() => repair({ attempts })).toThrow(MisuseError)
})
