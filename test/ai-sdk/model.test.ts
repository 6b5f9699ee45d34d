/** The AI SDK over our stack: three major versions on the wires of all providers. */
import type { LanguageModel as LanguageModel6 } from 'ai6'
import { describe, expect, it, onTestFinished } from 'vitest'
import { z } from 'zod'
import { standard } from '../../middleware/standard.js'
import { aiSdkModel, type Specification } from '../../src/ai-sdk/index.js'
import { type Client, createClient } from '../../src/client.js'
import { isTetradError } from '../../src/core/index.js'
import { events, fail, mockServer, say, think } from '../../src/testing/index.js'
import { adapters, models, type Name, names } from '../wire/support.js'

type Library = typeof import('ai6')

/** The members that the tests use are the same in all three versions. */
const load = async (name: string) => (await import(name)) as Library

const majors: readonly (readonly [name: string, specification: Specification])[] = [
  ['ai5', 'v2'],
  ['ai6', 'v3'],
  ['ai7', 'v4'],
]

const combinations: readonly { library: string; specification: Specification; name: Name }[] = [
  ...majors.flatMap(([library, specification]) =>
    names.map((name) => ({ library, specification, name })),
  ),
  { library: 'ai7', specification: 'v3', name: 'anthropic' },
]

async function setUp(...script: Parameters<typeof mockServer>) {
  const server = await mockServer(...script)
  onTestFinished(() => server.close())
  const ai = createClient({ providers: adapters(server), use: [standard({ retry: false })] })
  return { server, ai }
}

type Sevenfold = { readonly responseMessages?: object[] | PromiseLike<object[]> }

/** Typed as version 6 for all; conversion.test.ts checks the types of the others. */
const modelOf = (ai: Client, model: string, specification: Specification) =>
  aiSdkModel(ai, model, { specification }) as unknown as Exclude<LanguageModel6, string>

/** At least twenty events, one write each. */
const long = () => say('One two three four five six', { chunks: 20 }).splitEvents()

describe.each(combinations)(
  '$library ($specification) on $name',
  ({ library, specification, name }) => {
    const id = models[name]

    it('generates and streams, with usage and finish reasons', async () => {
      const { generateText, streamText } = await load(library)
      const usage = { prompt_tokens: 40, completion_tokens: 7 } as const
      const { ai } = await setUp([
        think('Hm.').say('Hello.').usage(usage),
        think('Hm.').say('One two', { chunks: 2 }).usage(usage),
      ])
      const model = modelOf(ai, id, specification)
      const whole = await generateText({ model, prompt: 'Hi' })
      expect(whole).toMatchObject({ text: 'Hello.', reasoningText: 'Hm.', finishReason: 'stop' })
      expect(whole.usage).toMatchObject({ inputTokens: 40, outputTokens: 7 })
      expect(whole.providerMetadata?.tetrad).toMatchObject({
        attempts: [{ provider: name, status: 'ok' }],
      })
      const streamed = streamText({ model, prompt: 'Hi' })
      await streamed.consumeStream()
      expect(await streamed.text).toBe('One two')
      expect(await streamed.reasoningText).toBe('Hm.')
      expect(await streamed.finishReason).toBe('stop')
      expect(await streamed.usage).toMatchObject({ inputTokens: 40, outputTokens: 7 })
      expect((await streamed.providerMetadata)?.tetrad).toMatchObject({
        attempts: [{ status: 'ok' }],
      })
    })

    it.each(['generate', 'stream'])(
      'runs a tool loop (%s) and sends thoughts back with their signatures',
      async (mode) => {
        const { generateText, streamText, stepCountIs, tool } = await load(library)
        const { ai, server } = await setUp([
          think('I look.', { signature: 'c2lnbmVk' })
            .say('Wait. ')
            .callTool('weather', { city: 'Rome' }),
          say('Sunny.'),
          think('More.', { signature: 'b3RoZXI=' }).say('Yes.'),
          say('Bye.'),
        ])
        const model = modelOf(ai, id, specification)
        const asked: unknown[] = []
        const weather = tool({
          inputSchema: z.object({ city: z.string() }),
          execute: (input: { city: string }) => {
            asked.push(input)
            return { sky: 'sunny' }
          },
        })
        const send = async (messages: object[]) => {
          const options = { model, messages, tools: { weather }, stopWhen: stepCountIs(3) } as never
          const result = mode === 'generate' ? await generateText(options) : streamText(options)
          if ('consumeStream' in result) await result.consumeStream()
          // ai 7 sums all steps; `response` has only the last step
          const { responseMessages = (await result.response).messages } = result as Sevenfold
          return { text: await result.text, messages: [...messages, ...(await responseMessages)] }
        }
        const first = await send([{ role: 'user', content: 'The weather?' }])
        expect(first.text).toBe('Sunny.')
        expect(asked).toEqual([{ city: 'Rome' }])
        const second = await send([...first.messages, { role: 'user', content: 'Sure?' }])
        await send([...second.messages, { role: 'user', content: 'Bye' }])

        const bodies = server.requests.map(({ body }) => JSON.stringify(body))
        expect(bodies[1]).toContain('sunny')
        if (name === 'compatible') return
        // each later request contains the thought of the previous turn
        for (const body of bodies.slice(1)) expect(body).toContain('c2lnbmVk')
        expect(bodies[3]).toContain('b3RoZXI=')
      },
    )

    it('generates and streams objects', async () => {
      const { generateObject, streamObject, generateText, Output } = await load(library)
      const { ai, server } = await setUp([
        say('{"city":"Rome"}'),
        say('{"city":"Oslo"}', { chunks: 4 }),
        say('{"city":"Bonn"}'),
      ])
      const model = modelOf(ai, id, specification)
      const schema = z.object({ city: z.string() })
      expect((await generateObject({ model, schema, prompt: 'Hi' })).object).toEqual({
        city: 'Rome',
      })
      const streamed = streamObject({ model, schema, prompt: 'Hi' })
      for await (const _ of streamed.partialObjectStream);
      expect(await streamed.object).toEqual({ city: 'Oslo' })
      const output = Output.object({ schema })
      const text = await generateText({
        model,
        prompt: 'Hi',
        output,
        experimental_output: output,
      } as never)
      const { output: object = (text as { experimental_output?: unknown }).experimental_output } =
        text
      expect(object).toEqual({ city: 'Bonn' })
      for (const { body } of server.requests) expect(JSON.stringify(body)).toContain('city')
    })

    it('sends one request on failure, and fails with our error', async () => {
      const { generateText, streamText, APICallError } = await load(library)
      const { server } = await setUp([])
      const ai = createClient({
        providers: adapters(server),
        use: [standard({ retry: { attempts: 1 } })],
      })
      const model = modelOf(ai, id, specification)
      for (const status of [401, 429, 503]) {
        server.script(fail(status), fail(status))
        const error = await generateText({ model, prompt: 'Hi' }).catch((error: unknown) => error)
        expect(isTetradError(error)).toBe(true)
        expect(error).toMatchObject({ status, statusCode: status, isRetryable: false })
        expect(APICallError.isInstance(error)).toBe(true)
        const errors: unknown[] = []
        const streamed = streamText({
          model,
          prompt: 'Hi',
          onError: ({ error }) => void errors.push(error),
        })
        for await (const _ of streamed.textStream);
        expect(errors).toMatchObject([{ status, provider: name }])
      }
      expect(server.requests.length).toBe(6)
    })

    it('ends an interrupted stream with an error, the text and the usage', async () => {
      const { streamText } = await load(library)
      const { ai } = await setUp([long().cut(12)])
      const errors: unknown[] = []
      const result = streamText({
        model: modelOf(ai, id, specification),
        prompt: 'Hi',
        onError: ({ error }) => void errors.push(error),
      })
      await result.consumeStream()
      const text = await result.text
      expect(text).toMatch(/^One/)
      expect(await result.finishReason).toBe('error')
      expect(errors).toMatchObject([{ name: 'StreamInterruptedError', partial: { text } }])
      expect((await result.usage).outputTokens).toBeGreaterThan(0)
    })

    it('ends the provider call when it is aborted', async () => {
      const { generateText, streamText } = await load(library)
      const { ai, server } = await setUp([long().stall(12)])
      const model = modelOf(ai, id, specification)
      const leaving = new AbortController()
      const { fullStream } = streamText({ model, prompt: 'Hi', abortSignal: leaving.signal })
      const types: string[] = []
      for await (const { type } of fullStream) {
        types.push(type)
        if (type === 'text-delta') leaving.abort()
      }
      expect(types.at(-1)).toBe('abort')
      await expect.poll(() => server.open).toBe(0)

      server.reply(say('One').stall(0))
      const controller = new AbortController()
      const whole = generateText({ model, prompt: 'Hi', abortSignal: controller.signal })
      await expect.poll(() => server.requests.length).toBe(2)
      controller.abort()
      await expect(whole).rejects.toMatchObject({ name: 'AbortError' })
      await expect.poll(() => server.open).toBe(0)
    })

    it('emits each word as it arrives', async () => {
      const { streamText } = await load(library)
      const reply = say('One two', { chunks: ['One ', 'two'] })
      const first = events(name, reply).findIndex((event) => JSON.stringify(event).includes('One '))
      let goOn = () => {}
      const held = new Promise<void>((resolve) => {
        goOn = resolve
      })
      const { ai } = await setUp([reply.splitEvents().hold(first + 1, held)])
      const seen: string[] = []
      for await (const text of streamText({ model: modelOf(ai, id, specification), prompt: 'Hi' })
        .textStream) {
        seen.push(text)
        goOn()
      }
      expect(seen).toEqual(['One ', 'two'])
    })
  },
)
