/** What the loopback server answers without a key: by what was asked last, slowly enough to watch. */
import { type RecordedRequest, type Reply, say, think } from 'tetrad/testing'

const pace = { firstMs: 300, eachMs: 40 }

const story = `The lighthouse at the end of the bay had been dark for eleven years when Inês bought it for the price of a bicycle.

She meant to sleep in it, nothing more. But the first night a boat came in close, far too close, and turned away only when she held her torch out of the window. The next morning a basket of figs stood at the door.

So she cleaned the lens. It took her all of spring. Four hundred prisms, each one in warm water, each one dried with an old shirt. In May she lit it, and the whole bay went quiet, the way a room does when somebody enters that everybody had stopped waiting for.`

const sunset = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 480 270">
<linearGradient id="sky" x2="0" y2="1"><stop stop-color="#2b2a6b"/><stop offset=".6" stop-color="#c4527a"/><stop offset="1" stop-color="#ffb35c"/></linearGradient>
<linearGradient id="sea" x2="0" y2="1"><stop stop-color="#b5556f"/><stop offset="1" stop-color="#1c1d4a"/></linearGradient>
<path fill="url(#sky)" d="M0 0h480v180H0z"/><circle cx="240" cy="168" r="46" fill="#ffe2a0"/><path fill="url(#sea)" d="M0 180h480v90H0z"/>
<path stroke="#ffd490" stroke-width="4" stroke-linecap="round" opacity=".7" d="M196 194h88M208 208h64M190 224h54M230 240h60"/></svg>`

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

/** What was asked, and the reply to it. */
const replies: readonly (readonly [RegExp, Reply])[] = [
  [/did not allow/, say('All right, no table then. Shall I look for another evening?')],
  [/"booked|booked\\?"/, say('Done: a table for two at Solar dos Nunes, tonight at eight.')],
  [
    /celsius/,
    say('Lisbon has a clear sky and 24 °C this afternoon. No umbrella today.').cite(
      { url: 'https://www.ipma.pt/en/', title: 'IPMA, the Portuguese weather service' },
      { url: 'https://en.wikipedia.org/wiki/Lisbon', title: 'Lisbon' },
    ),
  ],
  [
    /weather/i,
    think('A question about now: the tool knows.').callTool('weather', { city: 'Lisbon' }),
  ],
  [
    /table/i,
    say('I can do that at Solar dos Nunes. Shall I?').callTool('book_table', {
      restaurant: 'Solar dos Nunes',
      people: 2,
      time: '20:00',
    }),
  ],
  [
    /paint/i,
    think('Violet above, orange below.')
      .say('Here it is:')
      .image(btoa(sunset), { media_type: 'image/svg+xml' }),
  ],
  [
    /input_image/,
    say('I see your picture. I am only a script, so I take your word for what is on it.'),
  ],
  [/river/i, say(rivers)],
  [/الأرز/, say(rice)],
  [/story|lighthouse/i, think('A story wants a place, and somebody who stays.').say(story)],
  [/fail/i, say(story).failAfter(24, 'overloaded')],
]

const usual = say(
  'I am a script on your own machine. Ask me for the weather, a *table for two*, a picture, a story, three rivers in a table, or rice in Arabic; say “fail” to see me fail halfway.',
)

export function answer({ body }: Pick<RecordedRequest, 'body'>): Reply {
  const { input } = body
  const last = JSON.stringify(Array.isArray(input) ? input.at(-1) : input)
  const [, reply = usual] = replies.find(([words]) => words.test(last)) ?? []
  return reply.delay(pace)
}
