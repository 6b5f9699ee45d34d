/** What the loopback server answers in `npm run demo:web`: the same on every wire, slowly enough to watch. */
import { type RecordedRequest, type Reply, say, think } from 'tetrad/testing'

const pace = { firstMs: 350, eachMs: 40 }

const onion = `## Every call has layers

A request goes **inwards** through each layer, the answer comes **outwards** through the same ones. That is why an onion is the right picture:

- \`retry\` stands outside and sees the *call*; what it holds sees each *attempt*
- \`tools\` runs what the model asks for, then asks again
- \`params\` stands next to the provider and knows what it can take

A layer of your own is one function:

\`\`\`ts
const timing: Middleware = async (ctx, next) => {
  const started = performance.now()
  await next()
  console.log(ctx.usage.total_tokens, performance.now() - started)
}
\`\`\`

1. It serves streamed and plain calls alike.
2. When \`next()\` resolves, the answer is **whole**.
3. Its place in the list is its meaning: move it, and it means something else.

> Nobody has to know what stands inside, and that is the point.`

const story = `The lighthouse at the end of the bay had been dark for eleven years when Inês bought it for the price of a bicycle.

She meant to sleep in it, nothing more. But the first night a boat came in close, *far* too close, and turned away only when she held her torch out of the window. The next morning a basket of figs stood at the door.

So she cleaned the lens. It took her all of spring: four hundred prisms, each one in warm water, each one dried with an old shirt. In May she lit it, and the whole bay went quiet, the way a room does when somebody enters that everybody had stopped waiting for.

Nobody ever asked her to go on. She simply did not find a night on which to stop.`

const rivers = `### Three rivers, three tempers

| River | Length | Countries | Ends in |
| :-- | --: | --: | :-- |
| **Danube** | 2,850 km | 10 | the [Black Sea](https://en.wikipedia.org/wiki/Black_Sea) |
| **Mekong** | 4,350 km | 6 | the South China Sea |
| **Tagus** | 1,007 km | 2 | the Atlantic, by Lisbon |

Before you choose one for a journey:

- [x] decide how long you have
- [ ] look at the season
  1. spring: high water, few people
  2. autumn: low water, long evenings
- [ ] pack light`

const rice = `## أرز بسيط لشخصين

تحتاج إلى كوب من الأرز وكوب ونصف من الماء، ثم:

1. اغسل الأرز حتى يصفو الماء.
2. ضعه في القدر مع الماء و**رشة ملح**.
3. غطِّ القدر:
   - عشر دقائق على نار هادئة
   - خمس دقائق دون نار

| المقدار | الأرز | الماء |
| --- | --- | --- |
| لشخصين | كوب | كوب ونصف |
| لأربعة | كوبان | ثلاثة أكواب |

وإن أردت أن تحسبه لأي عدد من الأكواب:

\`\`\`js
const water = (rice) => rice * 1.5
\`\`\``

/** One conversation partner: the reply to each request, by what was said last. */
export function script(): (request: Pick<RecordedRequest, 'body'>) => Reply {
  let troubles = 0
  return ({ body }) => {
    const last = lastTurn(body)
    if (isResult(last)) return afterTool(last).delay(pace)
    if (/trouble|fail|error/i.test(last)) {
      const reply = say('Here is where the line would break, and this time it did not.').delay(pace)
      return troubles++ % 2 === 0 ? reply.failAfter(7, 'overloaded') : reply
    }
    return answerTo(last).delay(pace)
  }
}

function answerTo(question: string): Reply {
  if (/river|compare|table of/i.test(question)) return say(rivers)
  if (/الأرز|arabic|rice/i.test(question)) return say(rice)
  if (/weather/i.test(question))
    return think('They want the weather of a city. There is a tool that knows it.').callTool(
      'weather',
      { city: 'Lisbon' },
    )
  if (/table|dinner|book/i.test(question))
    return think('A table for two. I may ask for it, but they decide.')
      .say('I found a place by the river. Shall I book it?')
      .callTool('book_table', { restaurant: 'Ponto Final', guests: 2, time: '19:30' })
  if (/layer|onion|how/i.test(question))
    return think(
      'A question about structure. A picture first, then a list, then the smallest program that shows it.',
    ).say(onion)
  if (/story/i.test(question)) return say(story)
  return say(
    'I am a script on your own machine. Ask me for the *weather*, a *table* for two, a *story*, *how layers work*, *three rivers* in a table, or *rice* in Arabic. Say **trouble**, and I break off.',
  )
}

const isResult = (turn: string) => /tool_result|function_call_output|functionResponse/.test(turn)

function afterTool(result: string): Reply {
  if (/booked/.test(result))
    return say('Done: **Ponto Final**, two people, half past seven. Your code is `TR-4821`.')
  if (/celsius/.test(result))
    return say(
      'Lisbon has a **clear sky** and 24 °C this afternoon, with a light wind from the sea. No umbrella today.',
    )
  return say('All right, nothing is booked. Tell me when you change your mind.')
}

/** The last entry of a conversation, on whichever wire. */
function lastTurn(body: unknown): string {
  const { messages, input, contents } = (body ?? {}) as Record<string, unknown>
  const turns = messages ?? input ?? contents
  return JSON.stringify(Array.isArray(turns) ? turns.at(-1) : turns) ?? ''
}
