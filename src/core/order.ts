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
 * `MisuseError` for duplicates of a part, for an order that cannot work, and for an innermost layer
 * that declares a place outside another one.
 */
export function checkOrder(layers: readonly Middleware<never>[]): void {
  const named = layers.filter(isNamedLayer)
  const names = named.map(({ name }) => name)
  const twice = single.find((name) => names.indexOf(name) !== names.lastIndexOf(name))
  if (twice) throw misplaced(`Two layers '${twice}' in one stack: keep one. ${rightOrder(names)}`)
  const broken = rules.find(
    ([outer, inner]) => names.includes(inner) && names.lastIndexOf(outer) > names.indexOf(inner),
  )
  if (broken) {
    const [outer, inner, why] = broken
    throw misplaced(`The layer '${inner}' is outside '${outer}': ${why}. ${rightOrder(names)}`)
  }
  checkInnermost(named.slice(names.lastIndexOf('params')), names)
}

/**
 * `use: [...standard(), policy()]` and `ai.use(policy())` add inside `params`, the innermost part.
 * Elsewhere a layer may stand apart from its place.
 */
function checkInnermost(
  [params, ...inside]: readonly Middleware<never>[],
  names: readonly string[],
): void {
  if (params?.name !== 'params') return
  const others = names.slice(0, names.lastIndexOf('params') + 1)
  for (const { name, place = [] } of inside) {
    const own = [place].flat().find((one) => others.includes(neighborOf(one)))
    if (own?.startsWith('outside '))
      throw misplaced(
        `The layer '${name}' belongs ${own}, but was added inside 'params': standard({ with: [...] }) puts it at its place; layer('${name}', fn) without a place stays where it is`,
      )
  }
}

/** The part or layer that a place names. */
const neighborOf = (place: string) => place.replace(/^(?:inside|outside) /, '')

const misplaced = (message: string) => new MisuseError(message, { code: 'order' })

const rightOrder = (names: readonly string[]) =>
  `The right order, outermost first: ${known.filter((name) => names.includes(name)).join(' → ')}; standard({ with: [...] }) puts policies at their places`
