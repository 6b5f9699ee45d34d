/** A `node:http` server of two things: the page, and the route it streams from. */
import { createServer, type Server } from 'node:http'
import type { Client } from 'tetrad'
import { handler } from 'tetrad/http/node'
import { memoryStore } from 'tetrad/store'
import type { Models } from './ai.js'
import { conversations, type User } from './conversations.js'
import { pageFiles } from './files.js'
import { userOf } from './session.js'

const system = 'You are a helpful assistant on a small screen. Answer briefly, in light Markdown.'

/** A server that is ready to listen. The page is told little of a failure, `onError` everything. */
export async function chatServer(
  ai: Client,
  models: Models,
  onError: (error: unknown) => void = () => {},
): Promise<Server> {
  const sendFile = await pageFiles()
  const { history, save } = conversations()
  const chat = handler<User>(ai, {
    authorize: userOf,
    models,
    // an answer outlives its connection: a page that lost it, or was loaded again, reads on
    store: memoryStore(),
    history: (id, { state }) => history(id, state),
    onFinish: save,
    onError,
    expose: { cost: true },
    before: ({ messages, ...request }) => ({
      ...request,
      messages: [{ role: 'system', content: system }, ...messages],
      reasoning_effort: 'low',
      max_tokens: 4000,
      drop_params: true,
    }),
  })
  return createServer((request, response) => {
    if (request.url?.startsWith('/api/chat')) return void chat(request, response)
    sendFile(request, response)
  })
}
