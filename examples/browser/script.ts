/** What the loopback server answers in `npm run demo:web`: the same on every wire, slowly enough to watch. */
import { type RecordedRequest, type Reply, say, think } from 'tetrad/testing'

const pace = { firstMs: 300, eachMs: 45 }

const story = `The lighthouse at the end of the bay had been dark for eleven years when Inês bought it for the price of a bicycle.

She meant to sleep in it, nothing more. But the first night a boat came in close, far too close, and turned away only when she held her torch out of the window. The next morning a basket of figs stood at the door.

So she cleaned the lens. It took her all of spring. Four hundred prisms, each one in warm water, each one dried with an old shirt. In May she lit it, and the whole bay went quiet, the way a room does when somebody enters that everybody had stopped waiting for.

Nobody ever asked her to go on. She simply did not find a night on which to stop.`

const onion = `Because each leaf grows inside the one before it.

A call through middleware is built the same way: the outermost layer sees it first on the way in and last on the way out. Each one may look, change, repeat or refuse, and none has to know what stands inside it.`

/** The reply to one request, by what was asked last. */
export function answer({ body }: Pick<RecordedRequest, 'body'>): Reply {
  const last = lastTurn(body)
  if (/tool_result|function_call_output|functionResponse/.test(last)) {
    return say(
      'Lisbon has a clear sky and 24 °C this afternoon, with a light wind from the sea. No umbrella today.',
    ).delay(pace)
  }
  if (/weather/i.test(last)) {
    return think('The user wants the weather of a city. I have a tool that knows it.')
      .callTool('weather', { city: 'Lisbon' })
      .delay(pace)
  }
  if (/onion|layer/i.test(last))
    return think('A question with two answers, one of them botanical.').say(onion).delay(pace)
  if (/story|lighthouse/i.test(last)) return say(story).delay(pace)
  return say(
    'I am a script on your own machine. Ask me for the weather, for a story, or why onions have layers.',
  ).delay(pace)
}

/** The last entry of a conversation, on whichever wire. */
function lastTurn(body: unknown): string {
  const { messages, input, contents } = (body ?? {}) as Record<string, unknown>
  const turns = messages ?? input ?? contents
  return JSON.stringify(Array.isArray(turns) ? turns.at(-1) : turns) ?? ''
}
