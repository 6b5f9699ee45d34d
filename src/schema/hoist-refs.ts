/** Moves the target of every reference to the root definitions, before other rewrites move it. */
import { type JsonObject, omit } from '../chat/index.js'
import { decode, mapSchemas, resolveRef } from './json-schema.js'

/**
 * A copy whose references are all `#` or `#/$defs/name` with a plain name: the targets of others
 * (`#/allOf/0`, draft 7's `definitions`, percent-encoded, anchors) are copied there. A reference
 * without a target is kept.
 */
export function hoistRefs(root: JsonObject): JsonObject {
  const names = new Map<JsonObject, string>()
  const defs: Record<string, JsonObject> = Object.create(null)
  const visit = (node: JsonObject): JsonObject => {
    const copy = mapSchemas(omit(node, ['$defs', 'definitions']), visit)
    const target = resolveRef(root, node.$ref)
    return target ? { ...copy, $ref: target === root ? '#' : hoist(target, node.$ref) } : copy
  }
  const hoist = (target: JsonObject, ref: unknown): string => {
    const name = names.get(target) ?? freeName(ref, defs)
    if (!names.has(target)) {
      names.set(target, name)
      defs[name] = {}
      defs[name] = visit(target)
    }
    return `#/$defs/${name}`
  }
  const schema = visit(root)
  return Object.keys(defs).length > 0 ? { ...schema, $defs: { ...defs } } : schema
}

/** The last step of the pointer, in characters that all providers accept. */
function freeName(ref: unknown, taken: JsonObject): string {
  const last = decode(String(ref).split(/[/#]/).at(-1) ?? '')
  const base = last.replace(/[^\w.-]/g, '_') || 'schema'
  let name = base
  for (let n = 2; Object.hasOwn(taken, name); n++) name = `${base}_${n}`
  return name
}
