/** Function calls of an answer: whole, or in pieces. */
import { defined, isObject, type JsonObject } from '../../chat/index.js'
import type { WrittenCall } from '../turn-writer.js'
import { PartialArguments } from './partial-arguments.js'
import { madeId, type State } from './state.js'
import type { Part, WireFunctionCall } from './wire.js'

export function readFunctionCall({ functionCall = {} }: Part, state: State): void {
  const { args } = functionCall
  endCall(startCall(functionCall, state), isObject(args) ? args : {}, state)
}

function startCall({ id, name = '' }: WireFunctionCall, { customs, writer }: State): WrittenCall {
  const call = writer.openCall({ id, name, isCustom: customs.has(name) })
  writer.identify(call, madeId())
  writer.startCall(call)
  return call
}

function endCall(call: WrittenCall, args: JsonObject, { writer }: State): void {
  const isText = call.isCustom && typeof args.input === 'string'
  writer.addArguments(call, isText ? String(args.input) : JSON.stringify(args))
  writer.endCall(call)
}

/** True for a piece of a streamed call, including its empty end. */
export const isPiece = (call: WireFunctionCall, { open }: State) =>
  call.partialArgs !== undefined ||
  call.willContinue === true ||
  (open !== undefined && !call.name && call.args === undefined)

export function readPiece({ functionCall = {}, thoughtSignature }: Part, state: State): void {
  const { name, partialArgs, willContinue } = functionCall
  if (name) closeCall(state)
  if (!state.open && name) {
    const args = new PartialArguments()
    // arguments that are already complete
    Object.assign(args.value, functionCall.args)
    state.open = { call: startCall(functionCall, state), wire: functionCall, args }
  }
  const { open, writer } = state
  if (!open) return
  open.signature ??= thoughtSignature
  for (const piece of Array.isArray(partialArgs) ? partialArgs : [])
    if (isObject(piece)) open.args.add(piece)
  writer.checkLength(open.args.length)
  if (!willContinue) closeCall(state)
}

/** Closes the open call: its empty last part may be missing, so any next part closes it. */
export function closeCall(state: State): void {
  const { open } = state
  if (!open) return
  state.open = undefined
  state.growing = undefined
  const { id, name = '' } = open.wire
  // as plain data: `native` is compared and stored
  const args: JsonObject = JSON.parse(JSON.stringify(open.args.value))
  state.parts.push({
    functionCall: { ...defined({ id }), name, args },
    ...defined({ thoughtSignature: open.signature }),
  })
  endCall(open.call, args, state)
}
