/**
 * Reverts in an answer what a dialect added to its schema, so that it matches the caller's schema.
 */
import { asList, asObject, isObject, type JsonObject } from '../chat/index.js'
import { checkJson } from './check.js'
import { isObjectSchema, resolveRef } from './json-schema.js'

/**
 * Unwraps the value of a root that is no object, and removes null from optional properties that do
 * not allow it (OpenAI's strict mode has no other way to omit one). The rest is unchanged.
 */
export function restoreAnswer(value: unknown, schema: JsonObject): unknown {
  return restore(isWrapped(value, schema) ? value.value : value, schema, schema)
}

/** False for a value that is valid as it is. */
const isWrapped = (value: unknown, schema: JsonObject): value is { readonly value: unknown } =>
  isObject(value) &&
  Object.keys(value).join() === 'value' &&
  checkJson(schema, restore(value, schema, schema)).length > 0 &&
  !(isObjectSchema(schema) && !schema.anyOf && !schema.oneOf)

const restore = (value: unknown, schema: unknown, root: JsonObject): unknown => {
  if (!isObject(schema) || typeof value !== 'object' || value === null) return value
  const target = resolveRef(root, schema.$ref)
  const viaRef = target ? restore(value, target, root) : value
  const viaAll = asList(schema.allOf).reduce((sum, part) => restore(sum, part, root), viaRef)
  const viaAny = viaBranch(viaAll, [...asList(schema.anyOf), ...asList(schema.oneOf)], root)
  if (Array.isArray(viaAny)) return restoreItems(viaAny, schema, root)
  return isObject(viaAny) ? restoreMembers(viaAny, schema, root) : viaAny
}

/** Restores the value by the first branch that then matches. */
const viaBranch = (value: unknown, branches: readonly unknown[], root: JsonObject): unknown => {
  for (const branch of branches) {
    const restored = restore(value, branch, root)
    if (checkJson(branch, restored, root).length === 0) return restored
  }
  return value
}

const restoreItems = (value: readonly unknown[], schema: JsonObject, root: JsonObject) =>
  value.map((item, index) => restore(item, asList(schema.prefixItems)[index] ?? schema.items, root))

const restoreMembers = (value: JsonObject, schema: JsonObject, root: JsonObject): JsonObject => {
  const properties = asObject(schema.properties)
  const required = asList(schema.required)
  const propertyOf = (name: string) =>
    Object.hasOwn(properties, name) ? properties[name] : schema.additionalProperties
  const isFiller = (name: string, member: unknown) =>
    member === null &&
    Object.hasOwn(properties, name) &&
    !required.includes(name) &&
    checkJson(properties[name], null, root).length > 0
  return Object.fromEntries(
    Object.entries(value)
      .filter(([name, member]) => !isFiller(name, member))
      .map(([name, member]) => [name, restore(member, propertyOf(name), root)]),
  )
}
