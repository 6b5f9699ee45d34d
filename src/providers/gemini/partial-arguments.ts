/** Arguments streamed value by value, as by Vertex with `streamFunctionCallArguments`. */
import { asString } from '../../chat/index.js'
import { UnexpectedResponseError } from '../../core/index.js'
import type { PartialArg } from './wire.js'

type Step = string | number
type Container = Record<string, unknown> | unknown[]

/** Collects one call's arguments. A piece costs its own length, not that of the value so far. */
export class PartialArguments {
  /** No prototype: the keys come from a model. */
  readonly value: Record<string, unknown> = Object.create(null)
  length = 0
  /** The path of the string that continues. */
  private growing: string | undefined

  add(piece: PartialArg): void {
    const { willContinue } = piece
    const jsonPath = asString(piece.jsonPath)
    this.length += jsonPath.length + asString(piece.stringValue).length
    const steps = parsePath(jsonPath)
    const last = steps.at(-1)
    if (last === undefined) return
    const place = steps
      .slice(0, -1)
      .reduce<Container>((at, step, i) => child(at, step, typeof steps[i + 1]), this.value)
    const before = this.growing === jsonPath ? read(place, last) : undefined
    const value = readValue(piece)
    write(place, last, typeof before === 'string' ? before + String(value ?? '') : value)
    this.growing = willContinue ? jsonPath : undefined
  }
}

const readValue = ({ stringValue, numberValue, boolValue }: PartialArg) =>
  stringValue ?? numberValue ?? boolValue ?? null

/** Parses `$.a.b[0]['c d']` into steps. */
function parsePath(path: string): Step[] {
  const steps: Step[] = []
  for (const [, name, index, single, double] of path.matchAll(step))
    steps.push(index !== undefined ? Number(index) : unquote(name ?? single ?? double ?? ''))
  return steps
}

const step = /\.([^.[\]]+)|\[(\d+)\]|\['((?:[^'\\]|\\.)*)'\]|\["((?:[^"\\]|\\.)*)"\]/g
const unquote = (name: string) => name.replace(/\\(.)/g, '$1')

function child(at: Container, step: Step, next: string): Container {
  const there = read(at, step)
  if (isContainer(there)) return there
  const made: Container = next === 'number' ? [] : Object.create(null)
  write(at, step, made)
  return made
}

const isContainer = (value: unknown): value is Container =>
  typeof value === 'object' && value !== null

const read = (at: Container, step: Step): unknown =>
  Array.isArray(at) ? at[Number(step)] : at[step]

function write(at: Container, step: Step, value: unknown): void {
  if (!Array.isArray(at)) {
    at[step] = value
    return
  }
  const index = Number(step)
  // a distant index would let the sender make the list as long as it likes
  if (!Number.isInteger(index) || index > at.length)
    throw new UnexpectedResponseError(`gemini streamed a list with a gap before ${index}`, {
      provider: 'gemini',
      code: 'bad_index',
      phase: 'stream',
    })
  at[index] = value
}
