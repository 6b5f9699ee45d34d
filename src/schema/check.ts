/**
 * A structural check of JSON against JSON Schema: validates tool arguments, with issues that a
 * model can fix.
 */
import { asList, asObject, isObject, isSameJson, type JsonObject } from '../chat/index.js'
import { resolveRef } from './json-schema.js'

/**
 * The issues of a value, each with its path (`$.items[2].price`); empty if it is valid. Supports
 * types, enum, const, bounds, lengths, `pattern`, objects, arrays, combinations, conditions and
 * local references; ignores `format` and unknown keywords.
 */
export function checkJson(
  schema: unknown,
  value: unknown,
  root: JsonObject = isObject(schema) ? schema : {},
): readonly string[] {
  const issues: string[] = []
  check({ schema, value, path: '$', root, trail: [] }, issues)
  return issues
}

interface Spot {
  readonly schema: unknown
  readonly value: unknown
  readonly path: string
  readonly root: JsonObject
  /** References followed at this place in the value. */
  readonly trail: readonly unknown[]
}

function check(spot: Spot, issues: string[]): void {
  const { schema, path } = spot
  if (schema === false) issues.push(`${path}: no value is allowed here`)
  if (!isObject(schema)) return
  for (const rule of rules) rule(spot, schema, issues)
}

const fits = (spot: Spot): boolean => {
  const issues: string[] = []
  check(spot, issues)
  return issues.length === 0
}

type Rule = (spot: Spot, schema: JsonObject, issues: string[]) => void

const reference: Rule = (spot, { $ref }, issues) => {
  // a reference back to itself adds no condition
  if ($ref === undefined || spot.trail.includes($ref)) return
  const target = resolveRef(spot.root, $ref)
  if (target) check({ ...spot, schema: target, trail: [...spot.trail, $ref] }, issues)
}

const type: Rule = ({ value, path }, schema, issues) => {
  const types = [schema.type].flat().filter((name) => typeof name === 'string')
  if (types.length === 0 || types.some((name) => isOfType(value, name))) return
  if (value === null && schema.nullable === true) return
  issues.push(`${path}: expected ${types.join(' or ')}, got ${typeName(value)}`)
}

const isOfType = (value: unknown, name: string) =>
  name === 'integer'
    ? Number.isInteger(value)
    : name === 'number'
      ? typeof value === 'number'
      : typeName(value) === name

const typeName = (value: unknown) =>
  value === null ? 'null' : Array.isArray(value) ? 'array' : typeof value

const choice: Rule = ({ value, path }, schema, issues) => {
  if (Array.isArray(schema.enum) && !schema.enum.some((one) => isSameJson(one, value)))
    issues.push(`${path}: expected one of ${sayValues(schema.enum)}`)
  if (Object.hasOwn(schema, 'const') && !isSameJson(schema.const, value))
    issues.push(`${path}: expected ${sayValues([schema.const])}`)
}

const sayValues = (values: readonly unknown[]) => {
  const text = values.map((value) => JSON.stringify(value)).join(', ')
  return text.length > 300 ? `${text.slice(0, 299)}…` : text
}

const numbers: Rule = ({ value, path }, schema, issues) => {
  if (typeof value !== 'number') return
  const { minimum, maximum, exclusiveMinimum, exclusiveMaximum, multipleOf } = schema
  if (isBelow(value, minimum)) issues.push(`${path}: expected at least ${minimum}`)
  if (isBelow(maximum, value)) issues.push(`${path}: expected at most ${maximum}`)
  if (typeof exclusiveMinimum === 'number' && value <= exclusiveMinimum)
    issues.push(`${path}: expected more than ${exclusiveMinimum}`)
  if (typeof exclusiveMaximum === 'number' && value >= exclusiveMaximum)
    issues.push(`${path}: expected less than ${exclusiveMaximum}`)
  if (typeof multipleOf === 'number' && !isMultiple(value, multipleOf))
    issues.push(`${path}: expected a multiple of ${multipleOf}`)
}

const isBelow = (a: unknown, b: unknown) => typeof a === 'number' && typeof b === 'number' && a < b

/** Tolerates floating-point error: 0.3 is a multiple of 0.1. */
const isMultiple = (value: number, step: number) => {
  const times = value / step
  return Math.abs(times - Math.round(times)) <= 1e-9 * Math.max(1, Math.abs(times))
}

const strings: Rule = ({ value, path }, { minLength, maxLength, pattern }, issues) => {
  if (typeof value !== 'string') return
  if (typeof minLength === 'number' && lengthOf(value, minLength) < minLength)
    issues.push(`${path}: expected at least ${minLength} characters`)
  if (typeof maxLength === 'number' && value.length > maxLength && [...value].length > maxLength)
    issues.push(`${path}: expected at most ${maxLength} characters`)
  const expression = typeof pattern === 'string' ? regExp(pattern) : undefined
  if (expression && !expression.test(value)) issues.push(`${path}: expected a match of ${pattern}`)
}

/** Counts code points, unless the code units suffice twice over. */
const lengthOf = (text: string, enough: number) =>
  text.length >= 2 * enough ? text.length : [...text].length

/** Undefined for a pattern that is invalid in JavaScript, which is then ignored. */
const regExp = (pattern: string) => {
  try {
    return new RegExp(pattern, 'u')
  } catch {
    return undefined
  }
}

const arrays: Rule = (spot, schema, issues) => {
  const { value, path } = spot
  if (!Array.isArray(value)) return
  const { minItems, maxItems, uniqueItems, items, contains } = schema
  if (isBelow(value.length, minItems)) issues.push(`${path}: expected at least ${minItems} items`)
  if (isBelow(maxItems, value.length)) issues.push(`${path}: expected at most ${maxItems} items`)
  if (uniqueItems === true && !isUnique(value)) issues.push(`${path}: expected unique items`)
  const tuple = [schema.prefixItems, items].find(Array.isArray) ?? []
  const rest = Array.isArray(items) ? schema.additionalItems : items
  value.forEach((item, index) => {
    const own: unknown = index < tuple.length ? tuple[index] : rest
    check({ ...spot, schema: own, value: item, path: `${path}[${index}]`, trail: [] }, issues)
  })
  const isFound = (item: unknown) => fits({ ...spot, schema: contains, value: item, trail: [] })
  if (contains !== undefined && schema.minContains !== 0 && !value.some(isFound))
    issues.push(`${path}: a required item is missing`)
}

const isUnique = (items: readonly unknown[]) =>
  new Set(items.map((item) => JSON.stringify(item))).size === items.length

const objects: Rule = (spot, schema, issues) => {
  const { value, path } = spot
  if (!isObject(value)) return
  const names = Object.keys(value)
  for (const name of asList(schema.required))
    if (!Object.hasOwn(value, String(name))) issues.push(`${member(path, String(name))}: required`)
  const { minProperties, maxProperties } = schema
  if (isBelow(names.length, minProperties))
    issues.push(`${path}: expected at least ${minProperties} members`)
  if (isBelow(maxProperties, names.length))
    issues.push(`${path}: expected at most ${maxProperties} members`)
  for (const name of names) checkMember(spot, schema, name, issues)
}

const checkMember = (spot: Spot, schema: JsonObject, name: string, issues: string[]) => {
  const path = member(spot.path, name)
  const inside = { ...spot, value: asObject(spot.value)[name], path, trail: [] }
  const { additionalProperties: more, propertyNames } = schema
  const properties = asObject(schema.properties)
  const own = Object.hasOwn(properties, name)
  const patterns = Object.entries(asObject(schema.patternProperties))
  const matching = patterns.filter(([pattern]) => regExp(pattern)?.test(name))
  if (own) check({ ...inside, schema: properties[name] }, issues)
  for (const [, pattern] of matching) check({ ...inside, schema: pattern }, issues)
  if (propertyNames !== undefined && !fits({ ...inside, schema: propertyNames, value: name }))
    issues.push(`${path}: this name is not allowed`)
  if (own || matching.length > 0) return
  if (more === false) issues.push(`${path}: not a known property`)
  else check({ ...inside, schema: more }, issues)
}

const member = (path: string, name: string) =>
  /^[A-Za-z_$][\w$]*$/.test(name) ? `${path}.${name}` : `${path}[${JSON.stringify(name)}]`

const combinations: Rule = (spot, schema, issues) => {
  const branch = (inner: unknown) => ({ ...spot, schema: inner })
  for (const part of asList(schema.allOf)) check(branch(part), issues)
  const { anyOf, oneOf } = schema
  if (Array.isArray(anyOf)) alternatives(spot, anyOf, issues)
  if (Array.isArray(oneOf)) {
    const count = oneOf.filter((one) => fits(branch(one))).length
    if (count === 0) alternatives(spot, oneOf, issues)
    if (count > 1) issues.push(`${spot.path}: fits ${count} alternatives where one was expected`)
  }
  if (schema.not !== undefined && fits(branch(schema.not)))
    issues.push(`${spot.path}: this value is excluded`)
  if (schema.if !== undefined)
    check(branch(fits(branch(schema.if)) ? schema.then : schema.else), issues)
}

/** Reports the issues of the nearest alternative: the one with the fewest. */
const alternatives = (spot: Spot, branches: readonly unknown[], issues: string[]) => {
  const all = branches.map((schema) => {
    const own: string[] = []
    check({ ...spot, schema }, own)
    return own
  })
  if (all.length === 0 || all.some((own) => own.length === 0)) return
  const nearest = all.reduce((best, own) => (own.length < best.length ? own : best))
  issues.push(`${spot.path}: fits none of ${all.length} alternatives; ${nearest.join(', ')}`)
}

const rules: readonly Rule[] = [
  reference,
  type,
  choice,
  numbers,
  strings,
  arrays,
  objects,
  combinations,
]
