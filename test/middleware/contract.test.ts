import { alias } from '../../middleware/alias.js'
import { conversation } from '../../middleware/conversation.js'
import { deadline } from '../../middleware/deadline.js'
import { guard } from '../../middleware/guard.js'
import { hear } from '../../middleware/hear.js'
import { history } from '../../middleware/history.js'
import { log } from '../../middleware/log.js'
import { params } from '../../middleware/params.js'
import { redact } from '../../middleware/redact.js'
import { retry } from '../../middleware/retry.js'
import { timeout } from '../../middleware/timeout.js'
import { tools } from '../../middleware/tools.js'
import { usage } from '../../middleware/usage.js'
import { memoryStore } from '../../src/store/index.js'
import { middlewareContract } from '../contract/middleware.js'

const silent = { info: () => {}, error: () => {} }

middlewareContract('alias', () => alias({ fast: 'scripted/model-1' }))
middlewareContract('params', () => params())
middlewareContract('retry', () => retry())
middlewareContract('timeout', () => timeout())
middlewareContract('deadline', () => deadline(60_000))
middlewareContract('log', () => log({ to: silent, content: (text) => text }))
middlewareContract('usage', () => usage())
middlewareContract('tools', () => tools({}))
middlewareContract('hear', () => hear({ model: 'scripted/model-1' }))
middlewareContract('history', () => history())
middlewareContract('conversation', () => conversation({ store: memoryStore(), id: 'c' }))

const passes = () => true as const
const slowly = async () => true as const
middlewareContract('guard', () => guard({ input: slowly, output: passes }), { holds: 'sentence' })
middlewareContract('guard, slow', () => guard({ output: slowly }), { holds: 'sentence' })
middlewareContract('guard of all', () => guard({ output: passes, hold: 'all' }), { holds: 'turn' })
// without restore it is in redact.test.ts, as it is two layers
middlewareContract('redact that restores', () => redact({ restore: true }).at(-1) ?? alias({}), {
  adds: 1,
})
