/** The order of the standard stack, and the check of a custom stack. */
import type { Middleware } from './context.js'
import { MisuseError } from './errors.js'
import { isNamedLayer } from './layer.js'

/** The parts of the standard stack, outermost first. */
export const standardOrder = [
  'log',
  'usage',
  'deadline',
  'alias',
  'history',
  'tools',
  'retry',
  'timeout',
  'params',
] as const

export type StandardPart = (typeof standardOrder)[number]

/**
 * Duplicates of these repeat their work: nested retries, tools run twice, history trimmed twice,
 * cost counted twice, earlier messages sent twice.
 */
const single: readonly string[] = ['retry', 'tools', 'params', 'history', 'usage', 'conversation']

/** Which layer must be outside of which, and why. */
const rules: readonly (readonly [outer: string, inner: string, why: string])[] = [
  ['alias', 'params', 'params() checks the model that alias() chooses'],
  ['tools', 'retry', 'a tool loop is not retried after its tools have run, only a step of it is'],
  ['tools', 'params', 'params() checks the request of each step, with its tools'],
  ['conversation', 'tools', 'each step would load and store the earlier messages again'],
  ['conversation', 'repair', 'answers that do not fit would be stored, and sent twice'],
  ['conversation', 'history', 'history() repairs and trims what conversation() loads'],
  ['tools', 'redact', 'results of tools would be sent to the provider unmasked'],
  ['redact-results', 'tools', 'results of tools would be sent to the client unmasked'],
  ['redact', 'telemetry-inference', 'it would record what redact() masks'],
  ['fallback', 'retry', 'the next model is tried after the retries of the one before'],
  ['fallback', 'params', 'params() checks the model that fallback() chooses'],
]

/** The parts, and the policies that the rules name. */
const known: readonly string[] = standardOrder.flatMap((name) => {
  if (name === 'history') return ['conversation', name, 'repair', 'redact-results']
  return name === 'retry' ? ['redact', 'telemetry-inference', 'fallback', name] : [name]
})

/**
 * Checks only layers made by `layer()`: a function of the app named `usage` is not ours. Throws
 * `MisuseError` for duplicates of a part, and for an order that cannot work.
 */
export function checkOrder(layers: readonly Middleware<never>[]): void {
  const names = layers.filter(isNamedLayer).map(({ name }) => name)
  const twice = single.find((name) => names.indexOf(name) !== names.lastIndexOf(name))
  if (twice) throw misplaced(`Two layers '${twice}' in one stack: keep one. ${rightOrder(names)}`)
  const broken = rules.find(
    ([outer, inner]) => names.includes(inner) && names.lastIndexOf(outer) > names.indexOf(inner),
  )
  if (broken) {
    const [outer, inner, why] = broken
    throw misplaced(`The layer '${inner}' is outside '${outer}': ${why}. ${rightOrder(names)}`)
  }
}

const misplaced = (message: string) => new MisuseError(message, { code: 'order' })

const rightOrder = (names: readonly string[]) =>
  `The right order, outermost first: ${known.filter((name) => names.includes(name)).join(' → ')}; standard({ with: [...] }) puts policies at their places`
