/** What a booking needs of its layer. */
import type { Context } from '../../src/core/index.js'

/** A layer's context, whatever the state of the call. */
export type Place = Omit<Context<never>, 'options' | 'state'>
