/** A route that is added to the example, once as it is and once at the edge: a plain handler, which keeps nothing. */
import { createClient } from 'tetrad'
import { handler } from 'tetrad/http/web'
import { standard } from 'tetrad/middleware'

const chat = handler(createClient({ use: standard() }), {
  models: ['openai/gpt-5.1'],
  public: true,
})

export const GET = chat
export const POST = chat
