/** `POST /api/chat` answers; `GET …/:id/stream` reads on after a lost connection, `POST …/:id/stop` ends the answer. */
import { handler } from 'tetrad/http/web'
import { memoryStore } from 'tetrad/store'
import { ai, models } from '../../../../lib/ai'

const chat = handler(ai, {
  models,
  // answers outlive a lost connection; several processes share a `redisStore(client)` in its place
  store: memoryStore(),
  // anybody may ask; an app with users has `authorize: (request) => userOf(request)` in its place
  public: true,
})

export const GET = chat
export const POST = chat
