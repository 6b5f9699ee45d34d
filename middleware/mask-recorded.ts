/** What a layer that masks says to layers that record: `redact()` sets it, `telemetry()` puts what it shows through it. */
import { key } from '../src/core/index.js'

/** Takes out of a text of an answer what must not be recorded. Throws for a text that it cannot judge. */
export const maskRecorded = key<(text: string) => string>('maskRecorded')
