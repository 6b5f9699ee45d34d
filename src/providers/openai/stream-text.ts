/** Text of a stream: what the deltas say, and what a whole says beyond them. */
import { asObject } from '../../chat/index.js'
import { toAnnotation, toLogprobs } from './items.js'
import type { PartState, State } from './stream-state.js'

export function addText(part: PartState, text: string, { writer }: State): void {
  part.text += text
  writer.text(text, part.phase)
}

export function addRefusal(part: PartState, text: string, { writer }: State): void {
  part.text += text
  writer.refusal(text)
}

export function addReasoning(part: PartState, text: string, { writer }: State): void {
  part.text += text
  writer.reasoning(text, part)
}

export function addAnnotation(part: PartState, wire: unknown, { writer }: State): void {
  part.annotations += 1
  const annotation = toAnnotation(wire, part.offset)
  if (annotation) writer.push({ type: 'annotation', annotation })
  else writer.skip('Citations', asObject(wire).type)
}

export function addLogprobs(part: PartState, wire: unknown, { writer }: State): void {
  // every delta has a list, and most lists are empty
  if (!Array.isArray(wire) || wire.length === 0) return
  const content = toLogprobs(wire)
  if (content.length === 0) return
  part.hasLogprobs = true
  writer.push({ type: 'logprobs', content })
}

/** What the whole says beyond the deltas. What was said cannot be taken back: where the two differ, the deltas stay. */
export function rest(part: PartState, whole: string, { context, profile }: State): string {
  const { length } = part.text
  // a slice is compared word by word, `startsWith` letter by letter
  if (whole.slice(0, length) === part.text) return whole.slice(length)
  if (whole !== '' && !part.hasDiffered) {
    part.hasDiffered = true
    context.warn({
      code: 'other',
      provider: profile.provider,
      message: 'the pieces of a streamed text are not what the provider says it is in whole',
    })
  }
  return ''
}
