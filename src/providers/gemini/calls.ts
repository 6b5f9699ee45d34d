/** Function calls of an answer: whole, or in pieces. */
import { defined, isObject } from '../../chat/index.js'
import type { Push } from '../adapter.js'
import { madeId } from './names.js'
import { PartialArguments } from './partial-arguments.js'
import { checkLength, type OpenCall, type State } from './state.js'
import type { Part, WireFunctionCall } from './wire.js'

interface WholeCall {
  readonly index: number
  /** On the wire. */
  readonly name: string
  readonly args: Readonly<Record<string, unknown>>
}

export function readFunctionCall({ functionCall = {} }: Part, state: State, push: Push): void {
  const { name = '', args } = functionCall
  const index = startCall(functionCall, state, push)
  endCall({ index, name, args: isObject(args) ? args : {} }, state, push)
}

function startCall({ id, name = '' }: WireFunctionCall, state: State, push: Push): number {
  const index = state.calls++
  const own = state.names.fromWire(name)
  // two calls with one id could not be told apart by their results
  const callId = id && !state.callIds.has(id) ? id : madeId()
  state.callIds.add(callId)
  push({
    type: 'tool-call-start',
    index,
    id: callId,
    name: own,
    ...(state.names.isCustom(own) && { kind: 'custom' }),
  })
  return index
}

function endCall({ index, name, args }: WholeCall, state: State, push: Push): void {
  const isCustom = state.names.isCustom(state.names.fromWire(name))
  const text = isCustom && typeof args.input === 'string' ? args.input : JSON.stringify(args)
  checkLength(text.length, state)
  push({ type: 'tool-call-delta', index, arguments: text })
  push({ type: 'tool-call-end', index })
}

/** Part of a call that comes in pieces, its empty end among them. */
export const isPiece = (call: WireFunctionCall, { open }: State) =>
  call.partialArgs !== undefined ||
  call.willContinue === true ||
  (open !== undefined && !call.name && call.args === undefined)

export function readPiece({ functionCall = {}, thoughtSignature }: Part, state: State, push: Push) {
  const { name, partialArgs, willContinue } = functionCall
  if (name && state.open) closeCall(state, push)
  if (!state.open && name) state.open = openCall(functionCall, state, push)
  const { open } = state
  if (!open) return
  open.signature ??= thoughtSignature
  for (const piece of Array.isArray(partialArgs) ? partialArgs : [])
    if (isObject(piece)) open.args.add(piece)
  checkLength(open.args.length, state)
  if (!willContinue) closeCall(state, push)
}

function openCall(wire: WireFunctionCall, state: State, push: Push): OpenCall {
  const args = new PartialArguments()
  // those that came whole
  Object.assign(args.value, wire.args)
  return { index: startCall(wire, state, push), wire, args, signature: undefined }
}

/** The empty part that closes a call may be missing: whatever follows closes it too. */
export function closeCall(state: State, push: Push): void {
  const { open } = state
  if (!open) return
  state.open = undefined
  state.growing = undefined
  const { id, name = '' } = open.wire
  // as plain data: `native` is compared and stored
  const args: WholeCall['args'] = JSON.parse(JSON.stringify(open.args.value))
  state.parts.push({
    functionCall: { ...defined({ id }), name, args },
    ...defined({ thoughtSignature: open.signature }),
  })
  endCall({ index: open.index, name, args }, state, push)
}
