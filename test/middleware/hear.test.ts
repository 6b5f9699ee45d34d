/**
 * Voice notes on the wires of the providers: transcribed if the model takes no audio, otherwise
 * sent as audio.
 */
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { conversation } from '../../middleware/conversation.js'
import { hear } from '../../middleware/hear.js'
import { type StandardOptions, standard } from '../../middleware/standard.js'
import type { Attempt, Message, UserPart } from '../../src/chat/index.js'
import { createClient } from '../../src/client.js'
import {
  AbortError,
  type BaseCallOptions,
  BudgetExceededError,
  MisuseError,
  TetradError,
} from '../../src/core/index.js'
import { memoryStore, type Store } from '../../src/store/index.js'
import {
  fail,
  type MockServer,
  mockServer,
  type RecordedRequest,
  say,
} from '../../src/testing/index.js'
import { say as sayChunks, scripted } from '../contract/scripted.js'
import { gate } from '../http/requests.js'
import { withSilence } from '../store/silence.js'
import { storesOver, useRedis } from '../store/use-redis.js'
import { adapters } from './wires.js'

const base64 = Buffer.from('OggS and what was said').toString('base64')
const other = Buffer.from('OggS and another').toString('base64')
const note = (data = base64, format = 'ogg'): UserPart => ({
  type: 'input_audio',
  input_audio: { data, format },
})
const user = (...content: UserPart[]): Message => ({ role: 'user', content })
const text = (text: string): UserPart => ({ type: 'text', text })
const modes = ['generate', 'stream'] as const
type Mode = (typeof modes)[number]
const transcribing = 'gemini/gemini-2.5-flash'
const words = 'Where are my shoes?'

let server: MockServer
beforeEach(async () => {
  server = await mockServer()
  server.reply(answer)
})
afterEach(() => server.close())

/** The transcribing model is the one that receives a recording; all others answer. */
const isHearing = ({ body }: RecordedRequest) =>
  JSON.stringify(body).includes('Write down what is said')
const answer = (request: RecordedRequest) => say(isHearing(request) ? words : 'In the post.')

const client = (options: StandardOptions = { with: [hear({ model: transcribing })] }) =>
  createClient({ providers: adapters(server), use: standard(options) })

const run = (
  ai: ReturnType<typeof client>,
  mode: Mode,
  request: { readonly model: string; readonly messages: readonly Message[] },
  options?: BaseCallOptions,
) => (mode === 'generate' ? ai.generate(request, options) : ai.stream(request, options).response)

const bodies = () => server.requests.map(({ body }) => JSON.stringify(body))

describe.each(modes)('hear, in %s', (mode) => {
  it.each(['openai/gpt-5', 'openai/gpt-4.1-mini', 'anthropic/claude-sonnet-4-5', 'xai/grok-4.3'])(
    'a voice note reaches %s as text',
    async (model) => {
      const reply = await run(client(), mode, { model, messages: [user(text('Hi'), note())] })
      const [heard, asked] = bodies()
      expect(heard).toContain(base64)
      expect(asked).toContain(`[audio] ${words}`)
      expect(asked).not.toContain(base64)
      expect(reply.text).toBe('In the post.')
      expect(reply.attempts.map(({ provider }) => provider)).toEqual([
        'gemini',
        model.split('/')[0],
      ])
      expect(reply.warnings).toEqual([])
    },
  )

  it('Gemini receives it unchanged, in one request', async () => {
    await run(client(), mode, { model: 'gemini/gemini-2.5-pro', messages: [user(note())] })
    expect(bodies()).toHaveLength(1)
    expect(bodies()[0]).toContain('audio/ogg')
    expect(bodies()[0]).toContain(base64)
  })

  it('an unknown server receives it unchanged', async () => {
    await run(client(), mode, { model: 'local/model', messages: [user(note(base64, 'wav'))] })
    expect(bodies()).toHaveLength(1)
    expect(bodies()[0]).toContain(base64)
  })

  it('a model that accepts some audio formats receives the others as text', async () => {
    const ai = client()
    const model = 'openai/gpt-audio'
    await run(ai, mode, { model, messages: [user(note(base64, 'mp3'), note(other, 'ogg'))] })
    const [heard, asked] = bodies()
    expect(heard).toContain(other)
    expect(asked).toContain(base64)
    expect(asked).toContain(words)
    expect(asked).not.toContain(other)
  })

  it('a file with audio is a voice note too, other files stay', async () => {
    const pdf = `data:application/pdf;base64,${Buffer.from('%PDF-1.7').toString('base64')}`
    const content: UserPart[] = [
      { type: 'file', file: { file_data: `data:audio/ogg;base64,${base64}` } },
      { type: 'file', file: { file_data: pdf, filename: 'a.pdf' } },
    ]
    const model = 'anthropic/claude-sonnet-4-5'
    await run(client(), mode, { model, messages: [user(...content)] })
    expect(bodies()).toHaveLength(2)
    expect(bodies()[1]).toContain(words)
    expect(bodies()[1]).toContain('application/pdf')
  })

  it('the same note in one call is transcribed once, and not again in a later call', async () => {
    const ai = client()
    const messages = [user(note()), user(note())]
    await run(ai, mode, { model: 'openai/gpt-5', messages })
    expect(bodies()).toHaveLength(2)
    await run(ai, mode, { model: 'xai/grok-4.3', messages })
    expect(bodies()).toHaveLength(3)
    expect(bodies()[2]).toContain(words)
  })

  it('a recording never runs a tool', async () => {
    const ran: unknown[] = []
    const remove = { description: 'Deletes the account', execute: () => void ran.push(1) }
    const ai = client({ tools: { remove }, with: [hear({ model: transcribing })] })
    await run(ai, mode, { model: 'openai/gpt-5', messages: [user(note())] })
    const [heard] = server.requests
    expect(heard?.body.toolConfig).toEqual({ functionCallingConfig: { mode: 'NONE' } })
    expect(ran).toEqual([])
  })

  it.each([
    ['the provider refuses it', () => fail(400, { message: 'bad audio' })],
    ['the key is wrong', () => fail(401)],
    ['the answer is empty', () => say('')],
    ['it is filtered', () => say('so').finish('content_filter')],
  ] as const)('a note that cannot be transcribed is a line and a warning: %s', async (_, reply) => {
    server.reply((request) => (isHearing(request) ? reply() : say('Write it, please.')))
    const failures: unknown[] = []
    const onFailure = (error: unknown) => {
      failures.push(error)
      return '[a voice message that broke]'
    }
    const messages = [user(text('Hi'), note())]
    const ai = client({ retry: false, with: [hear({ model: transcribing, onFailure })] })
    const done = await run(ai, mode, { model: 'openai/gpt-5', messages })
    expect(done.text).toBe('Write it, please.')
    expect(done.warnings).toMatchObject([
      { code: 'dropped', message: expect.stringContaining(transcribing) },
    ])
    expect(failures).toEqual([expect.any(TetradError)])
    expect(bodies().at(-1)).toContain('a voice message that broke')
    const plain = client({ retry: false, with: [hear({ model: transcribing })] })
    await run(plain, mode, { model: 'openai/gpt-5', messages })
    expect(bodies().at(-1)).toContain('could not be heard')
  })

  it('an error thrown by onFailure ends the call', async () => {
    server.reply(fail(400))
    const onFailure = () => {
      throw new RangeError('no voice here')
    }
    const ai = client({ retry: false, with: [hear({ model: transcribing, onFailure })] })
    const call = run(ai, mode, { model: 'openai/gpt-5', messages: [user(note())] })
    await expect(call).rejects.toThrow('no voice here')
  })

  it('a call that ends with one recording has the usage of all', async () => {
    const [failed, held] = [gate(), gate()]
    server.reply((request) =>
      JSON.stringify(request.body).includes(other) ? say(words).hold(0, held.opened) : fail(400),
    )
    const onFailure = () => {
      failed.open()
      throw new RangeError('no voice here')
    }
    const ai = client({ retry: false, with: [hear({ model: transcribing, onFailure })] })
    const messages = [user(note(), note(other))]
    const call = run(ai, mode, { model: 'openai/gpt-5', messages }).catch((error) => error)
    await failed.opened
    held.open()
    const { attempts = [] } = await call
    expect(attempts.map(({ status }: Attempt) => status).sort()).toEqual(['failed', 'ok'])
  })

  it('an abort during transcription is an AbortError', async () => {
    const controller = new AbortController()
    server.reply(() => {
      controller.abort()
      return say('late').stall(0)
    })
    const { signal } = controller
    const call = run(
      client(),
      mode,
      { model: 'openai/gpt-5', messages: [user(note())] },
      { signal },
    )
    await expect(call).rejects.toBeInstanceOf(AbortError)
    expect(bodies()).toHaveLength(1)
  })

  it('an exceeded budget is thrown, and no model is called', async () => {
    const spent = () => {
      throw new BudgetExceededError('nothing left')
    }
    const ai = client({ inside: { retry: spent }, with: [hear({ model: transcribing })] })
    const call = run(ai, mode, { model: 'openai/gpt-5', messages: [user(note())] })
    await expect(call).rejects.toBeInstanceOf(BudgetExceededError)
    expect(bodies()).toEqual([])
  })

  it('a model that takes no audio cannot transcribe', async () => {
    const ai = client({ with: [hear({ model: 'anthropic/claude-haiku-4-5' })] })
    const call = run(ai, mode, { model: 'openai/gpt-5', messages: [user(note())] })
    await expect(call).rejects.toBeInstanceOf(MisuseError)
  })

  it('a store that does not respond costs the time limit of its operations, but no response', () =>
    withSilence(async ({ store, server, within }) => {
      const deaf = scripted([sayChunks('In the post.')], {
        name: 'deaf',
        capabilities: { audio: [] },
      })
      const hearing = scripted([sayChunks(words)], {
        name: 'hearing',
        capabilities: { audio: ['ogg'] },
      })
      const use = standard({ with: [hear({ model: 'hearing/m', store })] })
      const ai = createClient({ providers: [deaf, hearing], use })
      server.pause()
      const call = run(ai, mode, { model: 'deaf/m', messages: [user(note())] })
      expect((await within(20_000, call)).text).toBe('In the post.')
      expect(hearing.calls).toHaveLength(1)
    }))

  it('a store that is down costs another transcription, but no response', async () => {
    const down = () => Promise.reject(new Error('down'))
    const store: Store = { ...memoryStore(), get: down, set: down }
    const ai = client({ with: [hear({ model: transcribing, store })] })
    const reply = await run(ai, mode, { model: 'openai/gpt-5', messages: [user(note())] })
    expect(reply.text).toBe('In the post.')
  })
})

describe('hear', () => {
  it('has its place in the stack', () => {
    const names = standard({ with: [hear({ model: transcribing })], tools: {} }).map(
      ({ name }) => name,
    )
    expect(names.indexOf('hear')).toBe(names.indexOf('history') + 1)
    expect(names.indexOf('hear')).toBeLessThan(names.indexOf('tools'))
  })

  it('requires a model', () => {
    expect(() => hear({ model: '' })).toThrow(MisuseError)
  })

  it('a call without audio calls no model, whatever its content', async () => {
    const provider = scripted([sayChunks('Yes')], { capabilities: { audio: [] } })
    const ai = createClient({ providers: [provider], use: [hear({ model: 'nobody/knows' })] })
    await ai.generate({ model: 'scripted/m', messages: [user(text('Hi'))] })
    expect(provider.calls).toHaveLength(1)
  })
})

describe('hear inside a conversation', () => {
  const redis = useRedis()
  const stores = storesOver(redis)
  const medias = ['all', 'last', 'never'] as const
  const kinds = stores.flatMap(([name, open]) =>
    modes.flatMap((mode) => medias.map((media) => ({ mode, name, open, media }))),
  )

  it.each(kinds)(
    'a note is transcribed once, over processes: $media, $mode, $name',
    async (kind) => {
      const { open, media, mode } = kind
      const store = open()
      // each turn is another process: only the store of the conversation persists
      const turn = (message: Message, model = 'openai/gpt-5') =>
        run(
          client({
            with: [conversation({ store, id: 'c', media }), hear({ model: transcribing })],
          }),
          mode,
          { model, messages: [message] },
        )
      await turn(user(note()))
      await turn(user(text('Which?')), 'anthropic/claude-sonnet-4-5')
      await turn(user(text('When?')), 'gemini/gemini-2.5-pro')
      expect(server.requests.filter(isHearing)).toHaveLength(1)
      expect(bodies()).toHaveLength(4)
      for (const body of bodies().slice(1)) {
        expect(body).toContain(words)
        expect(body).not.toContain(base64)
      }
    },
  )

  it.each(modes)(
    'the history of a model with audio input is sent to one without, in %s',
    async (mode) => {
      const [store, transcriptsBefore] = [memoryStore(), memoryStore()]
      const turn = (message: Message, model: string) => {
        const layers = [
          conversation({ store, id: 'c' }),
          hear({ model: transcribing, store: transcriptsBefore }),
        ]
        return run(client({ with: layers }), mode, { model, messages: [message] })
      }
      await turn(user(note()), 'gemini/gemini-2.5-pro')
      await turn(user(text('And?')), 'openai/gpt-5')
      await turn(user(text('So?')), 'openai/gpt-5')
      expect(server.requests.filter(isHearing)).toHaveLength(1)
      expect(bodies().at(-1)).toContain(words)
    },
  )
})
