/** Replaces a `$ref` by its target, for dialects without references or without recursion. */
import { asObject, isObject, type JsonObject, omit } from '../chat/index.js'
import { annotations, mapSchemas, mapValues, resolveRef, type SchemaWarn } from './json-schema.js'

export interface InlineOptions {
  /**
   * `all`: replaces every reference. `circular`: all in a recursive schema, as `siblings` in
   * others. `siblings`: only those with keywords beside them, which several dialects refuse, and
   * that of the root.
   */
  readonly which: 'all' | 'circular' | 'siblings'
  readonly warn: SchemaWarn
}

/**
 * A copy without the references that `which` selects. Where recursion is cut anything is accepted,
 * reported by `warn`.
 */
export function inlineRefs(root: JsonObject, { which, warn }: InlineOptions): JsonObject {
  const isAll = which === 'all' || (which === 'circular' && isCircular(root))
  if (!isAll) return inlineSiblings(root, warn)
  for (const rounds of [3, 2, 1]) {
    const warnings = new Set<string>()
    const add = (message: string) => void warnings.add(message)
    const result = inlineAll(root, { rounds, warn: add, isLast: rounds === 1 })
    if (!result) continue
    warnings.forEach(warn)
    return result
  }
  return root
}

interface Pass {
  /** How often recursion is followed. */
  readonly rounds: number
  readonly warn: SchemaWarn
  /** Cuts a schema that grows too large, instead of giving up. */
  readonly isLast: boolean
}

/** Mutually recursive types unroll to more than any provider accepts. */
const maxNodes = 4000

const inlineAll = (root: JsonObject, { rounds, warn, isLast }: Pass): JsonObject | undefined => {
  let nodes = 0
  const visit = (schema: JsonObject, path: string, trail: readonly unknown[]): JsonObject => {
    nodes++
    const { $ref, ...siblings } = schema
    if (nodes > maxNodes && !isLast) return {}
    if ($ref === undefined) return mapSchemas(schema, (inner, at) => visit(inner, at, trail), path)
    const target = resolveRef(root, $ref)
    if (!target) {
      warn(`${place(path)}: ${JSON.stringify($ref)} cannot be resolved, any value is accepted`)
      return visit(siblings, path, trail)
    }
    if (nodes > maxNodes || trail.filter((before) => before === $ref).length >= rounds) {
      warn(`${place(path)}: the recursion of ${$ref} is cut here, any value is accepted`)
      return onlyAnnotations(siblings)
    }
    return visit(mergeBeside(withoutDefs(target), siblings), path, [...trail, $ref])
  }
  const result = visit(withoutDefs(root), '', ['#'])
  return nodes > maxNodes && !isLast ? undefined : result
}

const inlineSiblings = (root: JsonObject, warn: SchemaWarn): JsonObject => {
  const visit = (schema: JsonObject, path: string, trail: readonly unknown[]): JsonObject => {
    const { $ref, ...siblings } = schema
    const isBare = Object.keys(siblings).length === 0 && path !== ''
    if ($ref === undefined) return mapSchemas(schema, (inner, at) => visit(inner, at, trail), path)
    const target = resolveRef(root, $ref)
    if (!target) {
      warn(`${place(path)}: ${JSON.stringify($ref)} cannot be resolved, any value is accepted`)
      return visit(siblings, path, trail)
    }
    if (isBare || trail.includes($ref)) return { $ref }
    return visit(mergeBeside(withoutDefs(target), siblings), path, [...trail, $ref])
  }
  const schema = visit(withoutDefs(root), '', [])
  return withUsedDefs(schema, asObject(root.$defs), (inner, name) =>
    visit(inner, `/$defs/${name}`, []),
  )
}

/** Keeps only the referenced definitions: others would be checked, and refused, needlessly. */
const withUsedDefs = (
  schema: JsonObject,
  defs: JsonObject,
  visit: (schema: JsonObject, name: string) => JsonObject,
): JsonObject => {
  const used = new Map<string, JsonObject>()
  const collect = (node: JsonObject): JsonObject => {
    const name = defName(node.$ref)
    const definition = name === undefined ? undefined : defs[name]
    if (name !== undefined && isObject(definition) && !used.has(name)) {
      used.set(name, {})
      const visited = visit(definition, name)
      used.set(name, visited)
      collect(visited)
    }
    return mapSchemas(node, collect)
  }
  collect(schema)
  return used.size > 0 ? { ...schema, $defs: Object.fromEntries(used) } : schema
}

const defName = (ref: unknown) =>
  typeof ref === 'string' && ref.startsWith('#/$defs/')
    ? ref.slice('#/$defs/'.length).split('/')[0]
    : undefined

const withoutDefs = (schema: JsonObject) => omit(schema, ['$defs'])

/**
 * Applies keywords beside a reference too: merged if the target lacks them, else as a second
 * condition.
 */
const mergeBeside = (target: JsonObject, siblings: JsonObject): JsonObject => {
  const isConflict = Object.keys(siblings).some(
    (key) => Object.hasOwn(target, key) && !annotations.includes(key),
  )
  if (!isConflict) return { ...target, ...siblings }
  return { allOf: [target, omit(siblings, annotations)], ...onlyAnnotations(siblings) }
}

const onlyAnnotations = (schema: JsonObject): JsonObject =>
  Object.fromEntries(Object.entries(schema).filter(([key]) => annotations.includes(key)))

const place = (path: string) => path || '/'

/** True if references form a cycle. */
export function isCircular(root: JsonObject): boolean {
  const states = new Map<JsonObject, 'open' | 'done'>()
  const turns = (schema: JsonObject): boolean => {
    const state = states.get(schema)
    if (state) return state === 'open'
    states.set(schema, 'open')
    const target = resolveRef(root, schema.$ref)
    let found = target !== undefined && turns(target)
    mapSchemas(schema, (inner) => {
      found ||= turns(inner)
      return inner
    })
    states.set(schema, 'done')
    return found
  }
  return turns(root)
}

/** Wraps the schema as the property `value` of an object: for dialects whose root is an object. */
export function wrapRoot(root: JsonObject): JsonObject {
  const move = (node: JsonObject): JsonObject => {
    const { $ref } = node
    const isMoved =
      typeof $ref === 'string' && /^#(\/|$)/.test($ref) && !$ref.startsWith('#/$defs/')
    return mapSchemas(
      isMoved ? { ...node, $ref: `#/properties/value${$ref.slice(1)}` } : node,
      move,
    )
  }
  const { $defs } = root
  return {
    type: 'object',
    properties: { value: move(withoutDefs(root)) },
    required: ['value'],
    additionalProperties: false,
    ...(isObject($defs) && { $defs: mapValues($defs, (one) => (isObject(one) ? move(one) : one)) }),
  }
}
