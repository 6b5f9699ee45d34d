/**
 * The context key under which `hear()` gives transcripts to an outer layer that stores messages.
 */
import { key } from '../src/core/index.js'

/** The text part that replaces the audio, by the `data` of the audio. */
export const heard = key<Map<string, string>>('heard')
