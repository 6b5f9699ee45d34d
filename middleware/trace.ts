/** Prints a stack: the layers from outside in, and how often each is called. */
import type { LayerData } from '../src/core/index.js'

/**
 * The stack of a client as text. Layers in an inner box are called again by the layer above it.
 *
 * @example
 * console.log(trace(ai))
 */
export function trace(ai: {
  readonly layers: readonly ({ readonly name: string } & LayerData)[]
}): string {
  const lines = ['┌ once a call']
  let depth = 1
  const margin = () => '│ '.repeat(depth)
  ai.layers.forEach((layer, position) => {
    const name = layer.name || `layer ${position + 1}`
    lines.push(margin() + name)
    if (!layer.repeats) return
    lines.push(`${margin()}┌ once ${nouns[layer.repeats]} of ${name}`)
    depth++
  })
  lines.push(`${margin()}provider`)
  while (depth > 0) {
    depth--
    lines.push(`${margin()}└`)
  }
  return lines.join('\n')
}

const nouns = { step: 'a step', attempt: 'an attempt' } as const
