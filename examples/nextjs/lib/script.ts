/** What answers while no key is set: a provider in the process, slow enough to watch. */
import { say, scripted } from 'tetrad/testing'

const story = `No key is set, so I am a script on your own machine. Here is a story.

The lighthouse at the end of the bay had been dark for eleven years when Inês bought it for the price of a bicycle. She meant to sleep in it, nothing more. But the first night a boat came in close, far too close, and turned away only when she held her torch out of the window. The next morning a basket of figs stood at the door.

So she cleaned the lens. It took her all of spring. In May she lit it, and the whole bay went quiet, the way a room does when somebody enters that everybody had stopped waiting for.`

export const script = scripted()
script.reply(say(story).delay({ firstMs: 300, eachMs: 40 }))
