/** What `hear()` made of audio in a call, for a layer further out that keeps messages: the key they share. */
import { key } from '../src/core/index.js'

/** By the `data` of the audio: the text part that stands for it. */
export const heard = key<Map<string, string>>('heard')
