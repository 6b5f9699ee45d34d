/** A route that is added to the example: the edge runtime has nothing of Node, so the build tells whether we need it. */
import { createClient } from 'tetrad'
import { handler } from 'tetrad/http/web'
import { standard } from 'tetrad/middleware'

export const runtime = 'edge'

const chat = handler(createClient({ use: standard() }), {
  models: ['openai/gpt-5.1'],
  public: true,
})

export const GET = chat
export const POST = chat
