/** All repairs of a history, in order. Pure: the messages that were given are never changed. */
import type { Message } from '../../src/chat/index.js'
import { type Report, repairMessage } from './contents.js'
import { pairCalls } from './pairs.js'

/** The same array where there was nothing to repair. Throws `BadRequestError` for what is no message at all. */
export function repair(messages: readonly Message[], report: Report): readonly Message[] {
  const sound = messages.flatMap((message, position) => {
    const repaired = repairMessage(message, position, report)
    return repaired ? [repaired] : []
  })
  const paired = pairCalls(sound, report)
  const isSame =
    paired.length === messages.length && paired.every((message, i) => message === messages[i])
  return isSame ? messages : paired
}
