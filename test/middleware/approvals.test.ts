import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { inProcess } from '../../middleware/tools/approvals.js'
import { type ToolsOptions, tool, tools } from '../../middleware/tools.js'
import type { ChatRequest, ChatResponse, Message, ToolMessage } from '../../src/chat/index.js'
import { createClient } from '../../src/client.js'
import { BadRequestError, ServiceUnavailableError } from '../../src/core/index.js'
import { memoryStore, redisStore, type Store } from '../../src/store/index.js'
import { deepFreeze, scripted, start } from '../contract/scripted.js'
import { connectTo, faultyRedis } from '../store/faulty-redis.js'
import { useRedis } from '../store/use-redis.js'
import { fakeClock } from './fake-clock.js'
import { type Called, call, collect, say, thrown, tokens } from './script.js'

const request: ChatRequest = deepFreeze({
  model: 'scripted/m',
  messages: [{ role: 'user', content: 'Pay them.' }],
} satisfies ChatRequest)

const pay = (ran: unknown[] = []) =>
  tool({
    parameters: z.object({ amount: z.number() }),
    needsApproval: ({ amount }) => amount > 10,
    execute: ({ amount }) => {
      ran.push(amount)
      return `paid ${amount}`
    },
  })

/** A client whose first turn calls the tool, and whose later turns are text. */
function bank(calls: readonly Called[], options: ToolsOptions = {}) {
  const ran: unknown[] = []
  const provider = scripted(({ messages }) =>
    messages.some((message) => message.role === 'tool') ? say('Done.') : call(calls),
  )
  const use = [tools({ pay: pay(ran), look: { execute: () => 'seen' } }, options)]
  return { ai: createClient({ providers: [provider], use }), provider, ran }
}

const yes = (reply: ChatResponse, nth = 0, approved: unknown = true): ToolMessage => {
  const { id = '', tool_call_id = '' } = reply.approvals?.[nth] ?? {}
  // as sent by a browser
  return {
    role: 'tool',
    tool_call_id,
    approval: { id, approved: approved as boolean, reason: 'too much' },
  }
}

const nextRequest = (reply: ChatResponse, ...messages: readonly Message[]): ChatRequest =>
  deepFreeze({ ...request, messages: [...request.messages, ...reply.messages, ...messages] })

describe('a call that needs approval', () => {
  it('stops the loop and is listed, while the other calls of the turn run', async () => {
    const { ai, provider, ran } = bank([
      ['c1', 'pay', { amount: 50 }],
      ['c2', 'look'],
      ['c3', 'pay', { amount: 5 }],
    ])
    const stream = ai.stream(request)
    const { chunks } = await collect(stream)
    const reply = await stream.response
    expect(chunks.slice(-3).map(({ type }) => type)).toEqual([
      'tool-approval',
      'tool-result',
      'tool-result',
    ])
    expect(reply.finish_reason).toBe('tool_calls')
    expect(reply.approvals).toEqual([
      {
        id: reply.approvals?.[0]?.id,
        tool_call_id: 'c1',
        name: 'pay',
        arguments: JSON.stringify({ amount: 50 }),
      },
    ])
    expect(ran).toEqual([5])
    expect(provider.calls).toHaveLength(1)
    const again = await bank([['c1', 'pay', { amount: 50 }]]).ai.generate(request)
    expect(again.approvals).toMatchObject([
      { tool_call_id: 'c1', name: 'pay', arguments: JSON.stringify({ amount: 50 }) },
    ])
  })

  it('runs when the next request approves it, and the loop continues', async () => {
    const { ai, provider, ran } = bank([
      ['c1', 'pay', { amount: 50 }],
      ['c2', 'look'],
    ])
    const first = await ai.generate(request)
    const stream = ai.stream(nextRequest(first, yes(first)))
    const { chunks } = await collect(stream)
    const reply = await stream.response
    expect(chunks[0]).toMatchObject({ type: 'tool-result', tool_call_id: 'c1', content: 'paid 50' })
    expect(reply.messages).toMatchObject([
      { role: 'tool', tool_call_id: 'c1' },
      { role: 'assistant', content: 'Done.' },
    ])
    expect(ran).toEqual([50])
    expect(provider.calls[1]?.request.messages.slice(2)).toMatchObject([
      { role: 'tool', tool_call_id: 'c2', content: 'seen' },
      { role: 'tool', tool_call_id: 'c1', content: 'paid 50' },
    ])
  })

  it.each(['generate', 'stream'] as const)(
    'has its result on the error if the model fails after it: %s',
    async (mode) => {
      const ran: unknown[] = []
      const provider = scripted([
        call([['c1', 'pay', { amount: 50 }]]),
        [new BadRequestError('no')],
      ])
      const ai = createClient({ providers: [provider], use: [tools({ pay: pay(ran) })] })
      const first = await ai.generate(request)
      const asked = nextRequest(first, yes(first))
      const error = await thrown(mode === 'stream' ? ai.stream(asked).response : ai.generate(asked))
      expect(ran).toEqual([50])
      expect(error).toMatchObject({
        partial: {
          finish_reason: null,
          messages: [{ role: 'tool', tool_call_id: 'c1', name: 'pay', content: 'paid 50' }],
        },
      })
    },
  )

  it('survives storage as JSON, and leaves nothing in later requests', async () => {
    const { ai, provider, ran } = bank([['c1', 'pay', { amount: 50 }]])
    const first = await ai.generate(request)
    const second = await ai.generate(JSON.parse(JSON.stringify(nextRequest(first, yes(first)))))
    const messages = [...nextRequest(first, yes(first)).messages, ...second.messages]
    await ai.generate({ ...request, messages: [...messages, { role: 'user', content: 'Thanks' }] })
    expect(provider.calls[2]?.request.messages.map(({ role }) => role)).toEqual([
      'user',
      'assistant',
      'tool',
      'assistant',
      'user',
    ])
    expect(ran).toEqual([50])
  })

  it.each([false, 'true', 1, null])(
    'does not run for %j, and the model receives the reason',
    async (approved) => {
      const { ai, provider, ran } = bank([['c1', 'pay', { amount: 50 }]])
      const first = await ai.generate(request)
      await ai.generate(nextRequest(first, yes(first, 0, approved)))
      expect(ran).toEqual([])
      expect(provider.calls[1]?.request.messages.at(-1)).toMatchObject({
        tool_call_id: 'c1',
        is_error: true,
        content: expect.stringContaining('too much'),
      })
    },
  )

  it('may wait for several answers; a missing one is a denial, with a warning', async () => {
    const { ai, ran } = bank([
      ['c1', 'pay', { amount: 50 }],
      ['c2', 'pay', { amount: 60 }],
    ])
    const first = await ai.generate(request)
    expect(first.approvals).toHaveLength(2)
    const reply = await ai.generate(nextRequest(first, yes(first, 1)))
    expect(ran).toEqual([60])
    expect(reply.messages.slice(0, 2)).toMatchObject([
      { tool_call_id: 'c1', is_error: true },
      { tool_call_id: 'c2', content: 'paid 60' },
    ])
    expect(reply.warnings).toMatchObject([{ code: 'repaired' }])
  })

  it('is not requested if the arguments are invalid', async () => {
    const { ai, provider } = bank([['c1', 'pay', { amount: 'all' }]])
    const reply = await ai.generate(request)
    expect(reply.approvals).toBeUndefined()
    expect(provider.calls).toHaveLength(2)
  })
})

describe('an approval', () => {
  const refused = async (
    forge: (first: ChatResponse, approval: ToolMessage) => ChatRequest,
    options: ToolsOptions = {},
  ) => {
    const { ai, provider, ran } = bank([['c1', 'pay', { amount: 50 }]], options)
    const first = await ai.generate(request)
    const error = await thrown(ai.generate(forge(first, yes(first))))
    expect(error).toBeInstanceOf(BadRequestError)
    expect(error).toMatchObject({ code: 'approval_invalid' })
    expect(ran).toEqual([])
    expect(provider.calls).toHaveLength(1)
  }

  it('is valid once', async () => {
    const { ai, provider, ran } = bank([['c1', 'pay', { amount: 50 }]])
    const first = await ai.generate(request)
    await ai.generate(nextRequest(first, yes(first)))
    const again = await thrown(ai.generate(nextRequest(first, yes(first))))
    expect(again).toMatchObject({ code: 'approval_invalid' })
    expect(ran).toEqual([50])
    expect(provider.calls).toHaveLength(2)
  })

  it('is invalid with an unknown id', () =>
    refused((first, approval) =>
      nextRequest(first, { ...approval, approval: { id: 'made up', approved: true } }),
    ))

  it('is invalid for other arguments than were shown', () =>
    refused((first, approval) => {
      const json = JSON.stringify(nextRequest(first, approval))
      return JSON.parse(json.replace('\\"amount\\":50', '\\"amount\\":5000'))
    }))

  it('is invalid for another tool', () =>
    refused((first, approval) =>
      JSON.parse(
        JSON.stringify(nextRequest(first, approval)).replace('"name":"pay"', '"name":"look"'),
      ),
    ))

  it('is invalid after a denial', async () => {
    const { ai, ran } = bank([['c1', 'pay', { amount: 50 }]])
    const first = await ai.generate(request)
    await ai.generate(nextRequest(first, yes(first, 0, false)))
    expect(await thrown(ai.generate(nextRequest(first, yes(first))))).toBeInstanceOf(
      BadRequestError,
    )
    expect(ran).toEqual([])
  })

  it('is invalid when it has expired', () => {
    const clock = fakeClock()
    return refused(
      (first, approval) => {
        clock.advance(1_001)
        return nextRequest(first, approval)
      },
      { approvalTtlMs: 1_000, clock },
    )
  })

  it('is invalid from another user', async () => {
    const { ai, ran } = bank([['c1', 'pay', { amount: 50 }]], {
      approvalScope: ({ options }) => options.tags?.user ?? '',
    })
    const ann = { tags: { user: 'ann' } }
    const first = await ai.generate(request, ann)
    const stolen = nextRequest(first, yes(first))
    expect(await thrown(ai.generate(stolen, { tags: { user: 'bob' } }))).toBeInstanceOf(
      BadRequestError,
    )
    expect(ran).toEqual([])
  })

  it('runs nothing if another approval of the request is forged', async () => {
    const { ai, ran } = bank([
      ['c1', 'pay', { amount: 50 }],
      ['c2', 'pay', { amount: 60 }],
    ])
    const first = await ai.generate(request)
    const forged = { ...yes(first, 1), approval: { id: 'made up', approved: true } }
    const error = await thrown(ai.generate(nextRequest(first, yes(first, 0), forged)))
    expect(error).toBeInstanceOf(BadRequestError)
    expect(ran).toEqual([])
    // and none is consumed
    await ai.generate(nextRequest(first, yes(first, 0), yes(first, 1)))
    expect(ran).toEqual([50, 60])
  })

  it('is not consumed by a denial from another user', async () => {
    const { ai, ran } = bank([['c1', 'pay', { amount: 50 }]], {
      approvalScope: ({ options }) => options.tags?.user ?? '',
    })
    const ann = { tags: { user: 'ann' } }
    const first = await ai.generate(request, ann)
    await ai.generate(nextRequest(first, yes(first, 0, false)), { tags: { user: 'bob' } })
    await ai.generate(nextRequest(first, yes(first)), ann)
    expect(ran).toEqual([50])
  })

  it('for a call that no tool here requested changes nothing', async () => {
    const { ai, provider } = bank([])
    const stray: ToolMessage = {
      role: 'tool',
      tool_call_id: 'mcp1',
      approval: { id: 'mcp1', approved: true },
    }
    await ai.generate({ ...request, messages: [...request.messages, stray] })
    expect(provider.calls[0]?.request.messages.at(-1)).toEqual(stray)
  })
})

describe('a tool that the provider executes', () => {
  it('waits for its own approval, even if a local tool has the same name', async () => {
    const ran: unknown[] = []
    const turn = call([['m1', 'pay', { amount: 50 }]])
    const finish = turn.at(-1)
    const provider = scripted([
      [
        ...turn.slice(0, -1),
        ...(finish ? [finish] : []),
        { type: 'tool-approval', id: 'm1', tool_call_id: 'm1' },
      ],
      [start(), { type: 'finish', finish_reason: 'stop', usage: tokens(1, 1) }],
    ])
    const ai = createClient({ providers: [provider], use: [tools({ pay: pay(ran) })] })
    const first = await ai.generate(request)
    expect(first.approvals).toEqual([
      { id: 'm1', tool_call_id: 'm1', name: 'pay', arguments: JSON.stringify({ amount: 50 }) },
    ])
    await ai.generate(nextRequest(first, yes(first)))
    expect(ran).toEqual([])
    expect(provider.calls[1]?.request.messages.at(-1)).toMatchObject({ approval: { id: 'm1' } })
  })
})

describe('approvals in a store', () => {
  const redis = useRedis()
  const stores = {
    memory: () => memoryStore(),
    redis: () => redisStore(redis.client, { prefix: `${crypto.randomUUID()}:` }),
  }
  const names = ['memory', 'redis'] as const

  it.each(names)('are valid in another process: %s', async (name) => {
    const approvals = stores[name]()
    const firstProcess = bank([['c1', 'pay', { amount: 50 }]], { approvals })
    const running = bank([], { approvals })
    const first = await firstProcess.ai.generate(request)
    const reply = await running.ai.generate(nextRequest(first, yes(first)))
    expect(reply.text).toBe('Done.')
    expect([firstProcess.ran, running.ran]).toEqual([[], [50]])
  })

  it.each(names)('are consumed by one of many processes: %s', async (name) => {
    const approvals = stores[name]()
    const first = await bank([['c1', 'pay', { amount: 50 }]], { approvals }).ai.generate(request)
    const banks = Array.from({ length: 8 }, () => bank([], { approvals }))
    const answered = nextRequest(first, yes(first))
    const ends = await Promise.allSettled(banks.map(({ ai }) => ai.generate(answered)))
    expect(ends.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
    expect(banks.flatMap(({ ran }) => ran)).toEqual([50])
    for (const end of ends)
      if (end.status === 'rejected') expect(end.reason).toMatchObject({ code: 'approval_invalid' })
  })

  it('are used up by the call that brings them, where a reply of Redis is lost', async () => {
    const faulty = await faultyRedis(redis.port)
    for (let index = 0, isOver = false; !isOver; index++) {
      const { store, close } = await connectTo('ioredis', faulty.port)
      const { ai, ran } = bank([['c1', 'pay', { amount: 50 }]], { approvals: store })
      const first = await ai.generate(request)
      faulty.resetAt(index, 'after')
      expect((await ai.generate(nextRequest(first, yes(first)))).text).toBe('Done.')
      isOver = faulty.isArmed
      expect(ran).toEqual([50])
      close()
    }
    await faulty.close()
  })

  it('stay valid where the store failed before anything ran: the same request runs it once', async () => {
    const faulty = await faultyRedis(redis.port)
    for (let index = 0, isOver = false; !isOver; index++) {
      const { store, close } = await connectTo('node-redis', faulty.port)
      const { ai, ran } = bank([['c1', 'pay', { amount: 50 }]], { approvals: store })
      const first = await ai.generate(request)
      const answered = nextRequest(first, yes(first))
      faulty.resetAt(index, 'after')
      const reply = await ai.generate(answered).catch(() => ai.generate(answered))
      expect(reply.text).toBe('Done.')
      isOver = faulty.isArmed
      expect(ran).toEqual([50])
      close()
    }
    await faulty.close()
  })

  it.each(names)('stay valid beside one that was used elsewhere: %s', async (name) => {
    const approvals = stores[name]()
    const calls: Called[] = ['c1', 'c2'].map((id) => [id, 'pay', { amount: 50 }])
    const { ai, ran } = bank(calls, { approvals })
    const first = await ai.generate(request)
    // not used up here: as if another request had just done so
    await approvals.set(`tool-approval:${first.approvals?.[1]?.id}:used`, 'x', { ttlMs: 60_000 })
    const both = nextRequest(first, yes(first), yes(first, 1))
    expect(await thrown(ai.generate(both))).toMatchObject({ code: 'approval_invalid' })
    expect(ran).toEqual([])
    expect((await ai.generate(nextRequest(first, yes(first)))).text).toBe('Done.')
    expect(ran).toEqual([50])
  })

  it.each(names)('store no content: %s', async (name) => {
    const inner = stores[name]()
    const written: string[] = []
    const approvals: Store = {
      ...inner,
      set: (key, value, options) => {
        written.push(key, value)
        return inner.set(key, value, options)
      },
    }
    await bank([['c1', 'pay', { amount: 4_711 }]], { approvals }).ai.generate(request)
    expect(written).toHaveLength(2)
    expect(written.join()).not.toContain('4711')
  })

  it('expire', async () => {
    let now = 0
    const approvals = memoryStore({ now: () => now })
    const { ai, ran } = bank([['c1', 'pay', { amount: 50 }]], { approvals, approvalTtlMs: 1_000 })
    const first = await ai.generate(request)
    now = 1_000
    expect(await thrown(ai.generate(nextRequest(first, yes(first))))).toMatchObject({
      code: 'approval_invalid',
    })
    expect(ran).toEqual([])
  })

  it('end the call if the store fails: nothing runs', async () => {
    const down = new Error('The store is down')
    const approvals = { ...memoryStore(), setIfAbsent: () => Promise.reject(down) }
    const { ai, ran } = bank([['c1', 'pay', { amount: 50 }]], { approvals })
    const first = await ai.generate(request)
    const error = await thrown(ai.generate(nextRequest(first, yes(first))))
    expect(error).toBeInstanceOf(ServiceUnavailableError)
    expect(error).toMatchObject({ code: 'store_unavailable' })
    expect(error).toHaveProperty('cause', down)
    expect(ran).toEqual([])
  })
})

describe('approvals in memory', () => {
  it('drop the oldest when there are too many', async () => {
    const store = inProcess(fakeClock(), 2)
    for (const key of ['a', 'b', 'c']) await store.set(key, '1', { ttlMs: 1_000 })
    expect(await Promise.all(['a', 'b', 'c'].map((key) => store.get(key)))).toEqual([
      undefined,
      '1',
      '1',
    ])
  })
})
