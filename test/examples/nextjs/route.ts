/**
 * A route added to the example, once unchanged and once on the edge: a plain handler without a
 * store.
 */
import { createClient } from 'tetrad'
import { handler } from 'tetrad/http/web'
import { standard } from 'tetrad/middleware'

const chat = handler(createClient({ use: standard() }), {
  models: ['openai/gpt-5.1'],
  public: true,
})

export const GET = chat
export const POST = chat
