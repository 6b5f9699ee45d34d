/** What the readers of usage share: the shape of it, and counts by name. */
import { asCount, asObject, defined, nonEmpty, type Usage } from '../chat/index.js'

type Told<Members> = { readonly [Name in keyof Members]?: Members[Name] | undefined }

/** What may stand beside the two counts; what tells nothing is left out. */
interface Details extends Told<Omit<Usage, `${string}_tokens` | `${string}_details`>> {
  readonly prompt_tokens_details?: Told<NonNullable<Usage['prompt_tokens_details']>>
  readonly completion_tokens_details?: Told<NonNullable<Usage['completion_tokens_details']>>
}

/** Total = prompt + completion, whatever the wire says. Some wires tell usage with every chunk: nothing is made for what is not told. */
export function usageFrom(
  prompt_tokens: number,
  completion_tokens: number,
  { prompt_tokens_details = {}, completion_tokens_details = {}, ...others }: Details,
): Usage {
  const prompt = isTold(prompt_tokens_details) && defined(prompt_tokens_details)
  const completion = isTold(completion_tokens_details) && defined(completion_tokens_details)
  return {
    prompt_tokens,
    completion_tokens,
    total_tokens: prompt_tokens + completion_tokens,
    ...(prompt && { prompt_tokens_details: prompt }),
    ...(completion && { completion_tokens_details: completion }),
    ...(isTold(others) && defined(others)),
  }
}

function isTold(members: Readonly<Record<string, unknown>>): boolean {
  for (const name in members) if (members[name] !== undefined) return true
  return false
}

/** `{ name: count }`, as `read` finds it in each member; undefined where there is none. The names come from the wire. */
export function byName<Value>(
  wire: unknown,
  read: (value: unknown) => Value | undefined,
  rename = (name: string) => name,
): Readonly<Record<string, Value>> | undefined {
  const found: Record<string, Value> = Object.create(null)
  for (const [name, value] of Object.entries(asObject(wire))) {
    const told = read(value)
    if (told !== undefined) found[rename(name)] = told
  }
  return nonEmpty(found)
}

/** The first of these that is a count. */
export const firstCount = (...values: readonly unknown[]): number | undefined =>
  values.map(asCount).find((value) => value !== undefined)
