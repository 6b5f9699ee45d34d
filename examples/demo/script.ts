/** What the loopback server answers in the demo, the same on each wire. */
import { type MockServer, say, think } from 'tetrad/testing'

/** A red square of 8 × 8. */
export const picture =
  'data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAgAAAAICAIAAABLbSncAAAAEklEQVR42mP4z8CAFWEXHbQSACj/P8Fu7N9hAAAAAElFTkSuQmCC'

const pace = { firstMs: 120, eachMs: 18 }

/** Adds the replies of one conversation: a thought and an answer, a tool call, the answer to its result. */
export function script(server: MockServer): void {
  server.script(
    think('The pixels are all of one colour.')
      .say('It is a red square: every pixel is the same warm red.')
      .delay(pace),
    think('The tool knows the weather.').callTool('weather', { city: 'Lisbon' }).delay(pace),
    say('Lisbon has a clear sky and 24 °C: no umbrella today.').delay(pace),
  )
}
