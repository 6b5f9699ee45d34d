/**
 * The context key by which `redact()` gives its mask to layers that record, such as `telemetry()`.
 */
import { key } from '../src/core/index.js'

/**
 * Masks what must not be recorded in a text of an answer. Throws for a text that it cannot check.
 */
export const maskRecorded = key<(text: string) => string>('maskRecorded')
