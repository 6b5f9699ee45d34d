/** OpenAI's Agents SDK over the official client over our stack: on the wires of all providers. */
import { Agent, Runner, tool } from '@openai/agents-core'
import { OpenAIChatCompletionsModel } from '@openai/agents-openai'
import OpenAI from 'openai'
import { describe, expect, it, onTestFinished } from 'vitest'
import { z } from 'zod'
import { standard } from '../../middleware/standard.js'
import { createClient } from '../../src/client.js'
import { openaiClient } from '../../src/openai/index.js'
import { callTool, fail, mockServer, say } from '../../src/testing/index.js'
import { adapters, models, names } from '../wire/support.js'

const runner = new Runner({ tracingDisabled: true })

/** At least twenty events, one write each. */
const long = () => say('One two three four five six', { chunks: 20 }).splitEvents()

describe.each(names)('agents on %s', (name) => {
  async function setUp(...script: Parameters<typeof mockServer>) {
    const server = await mockServer(...script)
    onTestFinished(() => server.close())
    const ai = createClient({ providers: adapters(server), use: [standard({ retry: false })] })
    const asked: unknown[] = []
    const weather = tool({
      name: 'weather',
      description: 'How it is.',
      parameters: z.object({ city: z.string() }),
      execute: (input) => {
        asked.push(input)
        return 'sunny'
      },
    })
    // its types expect the CommonJS client
    const model = new OpenAIChatCompletionsModel(openaiClient(ai, OpenAI) as never, models[name])
    const agent = new Agent({
      name: 'guide',
      instructions: 'Be short.',
      model,
      tools: [weather],
    })
    return { server, agent, asked, model }
  }

  it.each([false, true])(
    'run a tool loop, and continue with its history (stream: %s)',
    async (stream) => {
      const { agent, asked, server } = await setUp([
        callTool('weather', { city: 'Rome' }),
        say('Sunny in Rome.').usage({ prompt_tokens: 40, completion_tokens: 7 }),
        say('Bye.'),
      ])
      const ask = async (input: Parameters<typeof runner.run>[1]) => {
        if (!stream) return runner.run(agent, input)
        const result = await runner.run(agent, input, { stream })
        await result.completed
        return result
      }
      const first = await ask('The weather?')
      expect(first.finalOutput).toBe('Sunny in Rome.')
      expect(asked).toEqual([{ city: 'Rome' }])
      const second = await ask([...first.history, { role: 'user', content: 'Bye' }])
      expect(second.finalOutput).toBe('Bye.')
      expect(JSON.stringify(server.requests[2]?.body)).toMatch(/sunny.*Sunny in Rome/)
    },
  )

  it('return objects', async () => {
    const { model } = await setUp([say('{"city":"Rome"}')])
    const outputType = z.object({ city: z.string() })
    const place = new Agent({ name: 'place', model, outputType })
    expect((await runner.run(place, 'Where?')).finalOutput).toEqual({ city: 'Rome' })
  })

  it('stream, and fail with the error class of the client', async () => {
    const { agent, server } = await setUp([say('One two', { chunks: 2 }), fail(429), fail(401)])
    const result = await runner.run(agent, 'Hi', { stream: true })
    let text = ''
    for await (const piece of result.toTextStream()) text += piece
    expect(text).toBe('One two')
    await expect(runner.run(agent, 'Hi')).rejects.toMatchObject({ status: 429 })
    const failing = await runner.run(agent, 'Hi', { stream: true })
    await expect(failing.completed).rejects.toMatchObject({ status: 401 })
    expect(server.requests.length).toBe(3)
  })

  it('report an interrupted stream', async () => {
    const { agent } = await setUp([long().cut(12)])
    const result = await runner.run(agent, 'Hi', { stream: true })
    let text = ''
    const read = async () => {
      for await (const piece of result.toTextStream()) text += piece
      await result.completed
    }
    await expect(read()).rejects.toMatchObject({ error: { type: 'StreamInterruptedError' } })
    expect(text).toMatch(/^One/)
  })

  it('end the provider call when they are aborted', async () => {
    const { agent, server } = await setUp([long().stall(12), say('One').stall(0)])
    const leaving = new AbortController()
    const result = await runner.run(agent, 'Hi', { stream: true, signal: leaving.signal })
    for await (const _ of result.toTextStream()) leaving.abort()
    await expect.poll(() => server.open).toBe(0)

    const controller = new AbortController()
    const whole = runner.run(agent, 'Hi', { signal: controller.signal })
    await expect.poll(() => server.requests.length).toBe(2)
    controller.abort()
    await expect(whole).rejects.toBeInstanceOf(Error)
    await expect.poll(() => server.open).toBe(0)
  })
})
