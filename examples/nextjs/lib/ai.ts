/** The client of the server: keys come from the environment. */
import { createClient } from 'tetrad'
import { standard } from 'tetrad/middleware'
import { model } from './model'
import { script } from './script'

export const ai = createClient({
  ...(!model && { providers: [script] }),
  use: standard({ log: {} }),
})

/** The names a page may ask for, and the models they stand for. */
export const models = { default: model ?? 'scripted/story' }
