/** `POST /api/chat` answers; `GET …/:id/stream` continues an answer, `POST …/:id/stop` ends it. */
import { handler } from 'tetrad/http/web'
import { ai, models } from '../../../../lib/ai'

// open to everyone: an app with users has `authorize: (request) => userOf(request)` in its place
const chat = handler(ai, { models, public: true })

export const GET = chat
export const POST = chat
