import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { standard } from '../../middleware/standard.js'
import { type ThinkTagsOptions, thinkTags } from '../../middleware/think-tags.js'
import { tool } from '../../middleware/tools.js'
import type { ChatRequest, StreamChunk } from '../../src/chat/index.js'
import { createClient } from '../../src/client.js'
import { MisuseError } from '../../src/core/index.js'
import { cut, mockServer, say } from '../../src/testing/index.js'
import { middlewareContract } from '../contract/middleware.js'
import { deepFreeze, scripted, start, say as words } from '../contract/scripted.js'
import { collect, tokens } from './script.js'
import { adapters, models } from './wires.js'

middlewareContract('thinkTags', () => thinkTags())

const modes = ['generate', 'stream'] as const
const request = deepFreeze({
  model: 'scripted/m',
  messages: [{ role: 'user', content: 'Hi' }],
} satisfies ChatRequest)

const finish = (): StreamChunk => ({ type: 'finish', finish_reason: 'stop', usage: tokens(10, 5) })
const text = (text: string): StreamChunk => ({ type: 'text-delta', text })

interface Case {
  readonly output: string
  readonly thought?: string
  readonly text: string | null
  readonly options?: ThinkTagsOptions
}

const cases: readonly Case[] = [
  { output: '<think>hm</think>Hello', thought: 'hm', text: 'Hello' },
  {
    output: '\n <think>\nhm, a < b </th </think>\n\nHello',
    thought: 'hm, a < b </th ',
    text: 'Hello',
  },
  { output: '<think>\n\n</think>\n\nHello', text: 'Hello' },
  { output: '<think></think>', text: null },
  { output: '<think>cut off </thin', thought: 'cut off </thin', text: null },
  { output: '<think>a</think>b <think>c</think>', thought: 'a', text: 'b <think>c</think>' },
  { output: '<think>a <think> b</think>c</think>', thought: 'a <think> b', text: 'c</think>' },
  { output: 'Write <think>hm</think> first', text: 'Write <think>hm</think> first' },
  { output: '  <thin ice>', text: '  <thin ice>' },
  { output: '<thi', text: '<thi' },
  { output: ' \n', text: ' \n' },
  { output: '<thinking>a</thinking>b', text: '<thinking>a</thinking>b' },
  { output: '<thinking>a</thinking>b', thought: 'a', text: 'b', options: { tag: 'thinking' } },
  { output: 'hm</think>\nHello', thought: 'hm', text: 'Hello', options: { beginsInside: true } },
  {
    output: '<think>hm</think>Hello',
    thought: 'hm',
    text: 'Hello',
    options: { beginsInside: true },
  },
  { output: '</think>Hello', text: 'Hello', options: { beginsInside: true } },
  { output: '<th', thought: '<th', text: null, options: { beginsInside: true } },
]

describe.each(modes)('%s', (mode) => {
  it.each(cases)('$output at every split', async ({ output, thought, text: answer, options }) => {
    const cuts = fc.array(fc.nat(output.length), { maxLength: output.length })
    const everyUnit = Array.from({ length: output.length }, (_, i) => i)
    await fc.assert(
      fc.asyncProperty(cuts, async (places) => {
        const borders = [...new Set([0, ...places, output.length])].sort((a, b) => a - b)
        const pieces = borders.slice(1).map((end, i) => output.slice(borders[i], end))
        const provider = scripted([[start(), ...pieces.map(text), finish()]])
        const ai = createClient({ providers: [provider], use: [thinkTags(options)] })
        const { message, text: whole } =
          mode === 'generate' ? await ai.generate(request) : await ai.stream(request).response
        expect(message.content).toBe(answer)
        expect(message.reasoning_content).toBe(thought)
        expect(whole).toBe(answer ?? '')
      }),
      { numRuns: 60, examples: [[everyUnit], [[]]] },
    )
  })

  it.each(models)(
    'a loop on the wire of %s sends no tag and no thought back as text',
    async (model) => {
      const script = [
        say('<think>secret</think>Let me look.').callTool('look', {}),
        say('<think>\nsecret 2</think>\nDone.'),
      ]
      await using server = await mockServer(script)
      const use = standard({
        tools: { look: tool({ execute: () => 'seen' }) },
        with: [thinkTags()],
      })
      const ai = createClient({ providers: adapters(server), use })
      const asked = { ...request, model }
      const reply = mode === 'generate' ? await ai.generate(asked) : await ai.stream(asked).response
      expect(reply.messages[0]).toMatchObject({
        content: 'Let me look.',
        reasoning_content: 'secret',
        tool_calls: [{ function: { name: 'look' } }],
      })
      expect(reply.message).toMatchObject({ content: 'Done.', reasoning_content: 'secret 2' })
      const sent = JSON.stringify(server.requests[1]?.body)
      expect(sent).toContain('Let me look.')
      expect(sent).not.toMatch(/think>|secret/)
      expect(JSON.stringify(reply.messages)).not.toContain('think>')
    },
  )

  it('logprobs of a thought are dropped, those of an answer stay', async () => {
    const logprobs = (token: string): StreamChunk => ({
      type: 'logprobs',
      content: [{ token, logprob: -1 }],
    })
    const answerOf = async (pieces: readonly string[]) => {
      const chunks = pieces.flatMap((piece) => [text(piece), logprobs(piece)])
      const provider = scripted([[start(), ...chunks, finish()]])
      const ai = createClient({ providers: [provider], use: [thinkTags()] })
      return mode === 'generate' ? await ai.generate(request) : await ai.stream(request).response
    }
    expect((await answerOf(['<th', 'ink>hm', '</think>', 'Hi'])).logprobs).toBeUndefined()
    expect((await answerOf(['<th', 'ree', ' cats'])).logprobs?.content).toHaveLength(3)
  })
})

it('text before a call is an answer, and each turn may start with a thought', async () => {
  const calls: StreamChunk[] = [
    { type: 'tool-call-start', index: 0, id: 'c1', name: 'look' },
    { type: 'tool-call-end', index: 0 },
  ]
  const provider = scripted([[start(), text('<thi'), ...calls, finish()]])
  const ai = createClient({ providers: [provider], use: [thinkTags()] })
  const { chunks } = await collect(ai.stream(request))
  expect(chunks.map(({ type }) => type)).toEqual([
    'start',
    'text-delta',
    'tool-call-start',
    'tool-call-end',
    'finish',
  ])
})

it('thoughts are emitted as they arrive', async () => {
  const provider = scripted([[start(), text('<think>a'), text('b'), text('</think>c'), finish()]])
  const ai = createClient({ providers: [provider], use: [thinkTags()] })
  const { chunks } = await collect(ai.stream(request))
  expect(chunks.slice(1, -1)).toEqual([
    { type: 'reasoning-delta', text: 'a' },
    { type: 'reasoning-delta', text: 'b' },
    { type: 'text-delta', text: 'c' },
  ])
})

it('an interrupted thought is in `partial`, without its tag', async () => {
  await using server = await mockServer([
    say('<think>a long thought that never ends', { chunks: 4 }).cut(3),
    cut(1),
  ])
  const ai = createClient({ providers: adapters(server), use: [thinkTags()] })
  const { error } = await collect(ai.stream({ ...request, model: 'local/model' }))
  expect(error).toMatchObject({ partial: { text: '' } })
  const { partial } = error as { readonly partial?: { readonly message: unknown } }
  expect(partial?.message).toMatchObject({ reasoning_content: expect.stringContaining('a long') })
})

it('a response without a tag keeps its native blocks', async () => {
  const native = { provider: 'scripted', model: 'm', content: [{ id: 'x' }] } as const
  const provider = scripted([words('Hello', { native })])
  const ai = createClient({ providers: [provider], use: [thinkTags()] })
  expect((await ai.generate(request)).message.native).toEqual(native)
})

it('a tag is a name', () => {
  expect(() => thinkTags({ tag: '<think>' })).toThrow(MisuseError)
  expect(() => thinkTags({ tag: '' })).toThrow(MisuseError)
})
