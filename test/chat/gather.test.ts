import { describe, expect, it } from 'vitest'
import { Gathered, GrowingText } from '../../src/chat/gather.js'
import type { StreamChunk } from '../../src/chat/index.js'

const gathered = (chunks: readonly StreamChunk[]) => {
  const read = new Gathered()
  for (const chunk of chunks) read.push(Object.freeze(chunk))
  return read.take()
}
const text = (text: string): StreamChunk => ({ type: 'text-delta', text })
const thought = (text: string): StreamChunk => ({ type: 'reasoning-delta', text })
const delta = (index: number, text: string): StreamChunk => ({
  type: 'tool-call-delta',
  index,
  arguments: text,
})

describe('the chunks of one network read', () => {
  it('are merged to one chunk for each text, thought and call', () => {
    const chunks = [thought('a'), thought('b'), text('c'), text('d'), delta(0, '{'), delta(0, '}')]
    expect(gathered(chunks)).toEqual([thought('ab'), text('cd'), delta(0, '{}')])
  })

  it('are each emitted once', () => {
    const read = new Gathered()
    read.push(text('a'))
    read.push(text('b'))
    expect(read.take()).toEqual([text('ab')])
    read.push(text('c'))
    expect([read.take(), read.take()]).toEqual([[text('c')], []])
  })

  it('keep the order of other chunks between them, and of interleaved calls', () => {
    const logprobs: StreamChunk = { type: 'logprobs', content: [] }
    const chunks = [text('a'), logprobs, text('b'), delta(0, '{'), delta(1, '{'), delta(0, '}')]
    expect(gathered(chunks)).toEqual(chunks)
  })
})

it('text that grows is the concatenation of its pieces, however many there are', () => {
  const text = new GrowingText()
  expect(text.toString()).toBe('')
  let whole = ''
  for (let i = 0; i < 200; i++) {
    text.add(`${i} `)
    whole += `${i} `
    expect(text.toString()).toBe(whole)
    expect(text).toHaveLength(whole.length)
  }
})
