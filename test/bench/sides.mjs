// Each way to make the two calls: `plain()` and `stream(onText)` give the number of letters that came.
import { messages, wires } from './wires.mjs'

const dist = process.env.TETRAD_DIST ?? new URL('../../dist/', import.meta.url).href
const apiKey = 'bench'

/** What a loop by hand does with the pieces of a body. */
async function parserOf(wire) {
  const { createParser } = await import('eventsource-parser')
  return (now) => {
    const state = { length: 0 }
    const decoder = new TextDecoder()
    const parser = createParser({
      onEvent({ data }) {
        const text = wire.textOf(JSON.parse(data))
        state.length += text.length
        if (text) now?.()
      },
    })
    state.feed = (bytes) => parser.feed(decoder.decode(bytes, { stream: true }))
    return state
  }
}

async function fetchLoop({ wire, base }) {
  const start = await parserOf(wire)
  const ask = (stream) =>
    fetch(base + wire.path(stream), {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...wire.headers },
      body: JSON.stringify(wire.body(stream)),
    })
  return {
    plain: async () => wire.answerOf(await (await ask(false)).json()).length,
    async stream(now) {
      const state = start(now)
      for await (const bytes of (await ask(true)).body) state.feed(bytes)
      return state.length
    },
  }
}

/** The least that Node can do. */
async function nodeLoop({ wire, base }) {
  const { Agent, request } = await import('node:http')
  const agent = new Agent({ keepAlive: true })
  const start = await parserOf(wire)
  const ask = (stream, onData) =>
    new Promise((resolve, reject) => {
      const body = JSON.stringify(wire.body(stream))
      const headers = {
        'content-type': 'application/json',
        'content-length': Buffer.byteLength(body),
        ...wire.headers,
      }
      request(base + wire.path(stream), { method: 'POST', agent, headers }, (response) =>
        response.on('data', onData).on('end', resolve).on('error', reject),
      )
        .on('error', reject)
        .end(body)
    })
  return {
    async plain() {
      const pieces = []
      await ask(false, (bytes) => pieces.push(bytes))
      return wire.answerOf(JSON.parse(Buffer.concat(pieces).toString())).length
    },
    async stream(now) {
      const state = start(now)
      await ask(true, state.feed)
      return state.length
    },
  }
}

const tetrad =
  (isStandard) =>
  async ({ name, wire, base }) => {
    const [{ createClient }, providers, use] = await Promise.all([
      import(`${dist}client.js`),
      import(`${dist}providers/${name}.js`),
      isStandard
        ? import(`${dist}middleware/index.js`).then(({ standard }) => standard())
        : Promise.resolve([]),
    ])
    const baseURL = /^(openai|xai)$/.test(name) ? `${base}/v1` : base
    const ai = createClient({ providers: [providers[name]({ apiKey, baseURL })], use })
    const request = { model: `${name}/${wire.model}`, messages }
    return {
      plain: async () => (await ai.generate(request)).text.length,
      async stream(now) {
        let length = 0
        for await (const chunk of ai.stream(request))
          if (chunk.type === 'text-delta') {
            length += chunk.text.length
            now?.()
          }
        return length
      },
    }
  }

const lengthOf = async (stream, textOf, now) => {
  let length = 0
  for await (const event of stream) {
    const text = textOf(event)
    if (!text) continue
    length += text.length
    now?.()
  }
  return length
}

async function openaiClient({ wire, base }) {
  const { default: OpenAI } = await import('openai')
  const client = new OpenAI({ apiKey, baseURL: `${base}/v1`, maxRetries: 0 })
  const ask = (stream) => client.responses.create(wire.body(stream))
  return {
    plain: async () => (await ask(false)).output_text.length,
    stream: async (now) => lengthOf(await ask(true), wire.textOf, now),
  }
}

const official = {
  openai: openaiClient,
  xai: openaiClient,
  async anthropic({ wire, base }) {
    const { default: Anthropic } = await import('@anthropic-ai/sdk')
    const client = new Anthropic({ apiKey, baseURL: base, maxRetries: 0 })
    const ask = (stream) => client.messages.create(wire.body(stream))
    return {
      plain: async () => wire.answerOf(await ask(false)).length,
      stream: async (now) => lengthOf(await ask(true), wire.textOf, now),
    }
  },
  async gemini({ wire, base }) {
    const { GoogleGenAI } = await import('@google/genai')
    const { models } = new GoogleGenAI({ apiKey, httpOptions: { baseUrl: base } })
    const request = { model: wire.model, ...wire.body() }
    return {
      plain: async () => (await models.generateContent(request)).text.length,
      stream: async (now) =>
        lengthOf(await models.generateContentStream(request), ({ text }) => text, now),
    }
  },
}

const aiSdkProviders = {
  openai: ['openai', 'createOpenAI', '/v1'],
  anthropic: ['anthropic', 'createAnthropic', '/v1'],
  gemini: ['google', 'createGoogleGenerativeAI', '/v1beta'],
  xai: ['xai', 'createXai', '/v1'],
}

/** Version 7 wants Node 22, and is installed as `ai7`, with the one provider that it is measured with. */
async function aiSdk({ name, wire, base }, core = 'ai', scope = '@ai-sdk/') {
  const [module, factory, version] = aiSdkProviders[name]
  const { generateText, streamText } = await import(core)
  const { [factory]: create } = await import(scope + module)
  const provider = create({ apiKey, baseURL: base + version })
  // xAI's own default is the older wire
  const model = name === 'xai' ? provider.responses(wire.model) : provider(wire.model)
  const request = { model, messages, maxRetries: 0 }
  return {
    plain: async () => (await generateText(request)).text.length,
    stream: (now) => lengthOf(streamText(request).textStream, (text) => text, now),
  }
}

const piApis = {
  openai: ['openai-responses', '/v1'],
  anthropic: ['anthropic-messages', ''],
  gemini: ['google-generative-ai', '/v1beta'],
  xai: ['openai-responses', '/v1'],
}

/** It streams each call. */
async function piAi({ name, wire, base }) {
  const { stream } = await import('@mariozechner/pi-ai')
  const [api, version] = piApis[name]
  const model = {
    id: wire.model,
    name: wire.model,
    api,
    provider: name,
    baseUrl: base + version,
    reasoning: false,
    input: ['text'],
    cost: { input: 0, output: 0, cacheRead: 0, cacheWrite: 0 },
    contextWindow: 128000,
    maxTokens: 4096,
  }
  const context = { messages: [{ ...messages[0], timestamp: 0 }] }
  const textOf = (event) => {
    if (event.type === 'error') throw new Error(event.error.errorMessage)
    return event.type === 'text_delta' ? event.delta : ''
  }
  return {
    stream: (now) => lengthOf(stream(model, context, { apiKey }), textOf, now),
  }
}

/** The first is what the others are held against. */
export const sides = {
  'fetch loop': fetchLoop,
  'node:http loop': nodeLoop,
  'tetrad, no layers': tetrad(false),
  'tetrad, standard()': tetrad(true),
  'official client': (options) => official[options.name](options),
  'AI SDK 6': aiSdk,
  'pi-ai': piAi,
}

/** What is measured on the newer Node: AI SDK 7 in the place of 6. */
const newest = {
  ...Object.fromEntries(Object.entries(sides).filter(([name]) => !/^(AI SDK 6|pi-ai)$/.test(name))),
  'AI SDK 7': (options) => aiSdk(options, 'ai7', 'ai7-'),
}
export const newestSides = Object.keys(newest)

/** `mode` is the number of deltas, or `hold`. */
export const open = (side, name, port, mode) =>
  ({ ...sides, ...newest })[side]({
    name,
    wire: wires[name],
    base: `http://127.0.0.1:${port}/${mode}/${name}`,
  })
