/**
 * A process that plays the providers for a soak, as each question specifies, and counts the usage
 * it reported.
 */
import { isObject } from '../../src/chat/index.js'
import { callTool, fail, mockServer, type RecordedRequest, say } from '../../src/testing/index.js'

/** Requests whose whole response was sent. */
export interface Counted {
  readonly requests: number
  readonly whole: number
  readonly tokens: number
}

const counted = { requests: 0, whole: 0, tokens: 0 }
const tried = new Set<string>()

/** `soak <kind> <id>` of the last question; earlier turns have their own. */
function kindOf({ text }: RecordedRequest): readonly [kind: string, id: string] {
  const [, kind = 'plain', id = ''] = [...text.matchAll(/soak (\w+) (\w+)/g)].at(-1) ?? []
  return [kind, id]
}

const isFirst = (id: string) => tried.size < tried.add(id).size

/** A tool result follows the last question: the model replies with text. */
const hasResult = ({ text }: RecordedRequest) =>
  text.lastIndexOf('tool found it') > text.lastIndexOf('soak tools')

function replyFor(request: RecordedRequest) {
  const [kind, id] = kindOf(request)
  const usage = { prompt_tokens: 20, completion_tokens: 10 }
  const words = say('A few words. And then some more of them, so that there is a stream.', {
    usage,
  })
  if (kind === 'tools' && !hasResult(request)) return callTool('lookup', { id }).usage(usage)
  if (kind === 'flaky' && isFirst(id)) return fail(503)
  if (kind === 'quota') return fail('quota')
  if (kind === 'refused') return fail(400)
  if (kind === 'down' && isFirst(id)) return fail(404)
  if (kind === 'left') return words.splitEvents().stall(11)
  if (kind === 'cut') return words.splitEvents().cut(11, 'reset')
  return words
}

/** Usage of a reply, if it reports any: errors report none. */
const isTold = (kind: string) => kind !== 'left' && kind !== 'cut'

const server = await mockServer()
server.reply((request) => {
  counted.requests++
  const [kind] = kindOf(request)
  const reply = replyFor(request)
  const isAnswer = reply.spec.failure === undefined && isTold(kind)
  void request.closed.then((isAborted) => {
    if (isAborted || !isAnswer) return
    counted.whole++
    counted.tokens += 30
  })
  // a soak sends more requests than a test: none is recorded
  ;(server.requests as RecordedRequest[]).length = 0
  return reply
})

process.on('message', (message) => {
  if (isObject(message) && message.ask === 'counted') process.send?.({ counted: { ...counted } })
})
process.once('disconnect', () => process.exit())
process.send?.({ url: server.url })
