/** Files by URL: who fetches them, and which are never fetched. */
import { expect } from 'vitest'
import type { Message } from '../../src/chat/index.js'
import { createClient } from '../../src/client.js'
import { BadRequestError, type TetradError } from '../../src/core/index.js'
import { gemini } from '../../src/providers/gemini/index.js'
import { inlineFiles } from '../../src/providers/gemini/inline-files.js'
import { mockServer, say } from '../../src/testing/index.js'
import {
  type Address,
  type FileResponse,
  type Network,
  nodeNetwork,
} from '../../src/transport/download-network.js'
import { failure, type HardeningCase, image, modes, user } from './case.js'

const old = 'gemini/gemini-2.0-flash'
const url = 'https://cdn.example.com/a.png'
const png = Buffer.from('iVBORw0KGgoAAAANSUhEUg==', 'base64')
const shown = (address: string): readonly Message[] => [user([image(address)]) as Message]

type Page = Partial<Omit<FileResponse, 'body'>> & { readonly body?: readonly Uint8Array[] }

/** The pages of a small network, and the requests for them. */
function world(pages: Readonly<Record<string, Page>>, addresses: Record<string, string> = {}) {
  const requests: string[] = []
  const network: Network = {
    isPublic: nodeNetwork.isPublic,
    resolve: async (hostname): Promise<readonly Address[]> => [
      { address: addresses[hostname] ?? '93.184.216.34', family: 4 },
    ],
    get: async (page) => {
      requests.push(page.href)
      const { body = [], ...reply } = pages[page.href] ?? { status: 404 }
      return {
        status: 200,
        location: undefined,
        contentType: undefined,
        contentLength: undefined,
        close: () => {},
        ...reply,
        body: (async function* () {
          yield* body
        })(),
      }
    },
  }
  return { requests, network }
}

const load = (address: string, network: Network, options = {}) =>
  inlineFiles(
    shown(address),
    { hosts: ['cdn.example.com', '*.files.example'], ...options },
    { signal: new AbortController().signal, network },
  )

const failing = async (pending: Promise<unknown>): Promise<TetradError> => {
  const error = await failure(pending)
  expect(error).toBeInstanceOf(BadRequestError)
  return error
}

export const downloads: readonly HardeningCase[] = [
  {
    id: 98,
    title: 'an address that the model does not read is refused, and the error names the way out',
    model: old,
    messages: shown(url),
    expects: { error: BadRequestError, names: ['inlineFiles'], answer: { status: 400 } },
  },
  {
    id: 98,
    title: 'a model that reads addresses gets the address: nothing is fetched',
    model: 'gemini/gemini-3-flash-preview',
    messages: shown(url),
    expects: { body: { contents: [{ parts: [{ fileData: { fileUri: url } }] }] } },
  },
  ...modes.map(
    (mode): HardeningCase => ({
      id: 98,
      title: `a private address is not asked, and neither is the provider (${mode})`,
      run: async () => {
        await using server = await mockServer([say('Fine.')])
        const listed = { inlineFiles: { hosts: ['localhost'] } }
        const ai = createClient({
          providers: [gemini({ ...server.options('gemini'), ...listed })],
        })
        const request = {
          model: old,
          messages: shown(`https://localhost:${new URL(server.url).port}/a`),
        }
        const pending = mode === 'generate' ? ai.generate(request) : ai.stream(request).response
        expect((await failing(pending)).status).toBe(400)
        expect(server.requests).toEqual([])
      },
    }),
  ),
  {
    id: 98,
    title: 'a listed file is fetched, behind redirects to what is listed too',
    run: async () => {
      const last = 'https://b.files.example/b.png'
      const { requests, network } = world({
        [url]: { status: 302, location: last },
        [last]: { body: [png] },
      })
      expect(await load(url, network)).toEqual(
        shown(`data:image/png;base64,${png.toString('base64')}`),
      )
      expect(requests).toEqual([url, last])
    },
  },
  ...(
    [
      ['to a host that is not listed', 'https://evil.example/', {}],
      ['to a private address', 'https://b.files.example/', { 'b.files.example': '10.0.0.1' }],
      [
        'to the metadata of a cloud',
        'https://b.files.example/',
        { 'b.files.example': '169.254.169.254' },
      ],
      ['to plain http', 'http://cdn.example.com/', {}],
    ] as const
  ).map(
    ([where, location, addresses]): HardeningCase => ({
      id: 98,
      title: `a redirect ${where} is not followed`,
      run: async () => {
        const { requests, network } = world({ [url]: { status: 302, location } }, addresses)
        expect((await failing(load(url, network))).status).toBe(400)
        expect(requests).toEqual([url])
      },
    }),
  ),
  ...(
    [
      ['that says so', { contentLength: 1_001, body: [png] }],
      ['that does not', { body: [png, new Uint8Array(1_000)] }],
    ] as const
  ).map(
    ([which, page]): HardeningCase => ({
      id: 98,
      title: `a file over the limit is refused, also one ${which}`,
      run: async () => {
        const { network } = world({ [url]: page })
        expect((await failing(load(url, network, { maxBytes: 1_000 }))).status).toBe(400)
      },
    }),
  ),
  {
    id: 98,
    title: 'a file that is not there is a 400 of ours, and no retry helps',
    run: async () => {
      const error = await failing(load(url, world({}).network))
      expect(error).toMatchObject({ status: 400, retryable: false })
    },
  },
]
