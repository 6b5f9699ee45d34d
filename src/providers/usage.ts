/** What the readers of usage share: the shape of it, and counts by name. */
import { asCount, asObject, defined, nonEmpty, type Usage } from '../chat/index.js'

type Told<Members> = { readonly [Name in keyof Members]?: Members[Name] | undefined }

/** What may stand beside the two counts; what tells nothing is left out. */
interface Details extends Told<Omit<Usage, `${string}_tokens` | `${string}_details`>> {
  readonly prompt_tokens_details?: Told<NonNullable<Usage['prompt_tokens_details']>>
  readonly completion_tokens_details?: Told<NonNullable<Usage['completion_tokens_details']>>
}

/** Total = prompt + completion, whatever the wire says. */
export const usageOf = (
  prompt_tokens: number,
  completion_tokens: number,
  { prompt_tokens_details = {}, completion_tokens_details = {}, ...others }: Details,
): Usage => ({
  prompt_tokens,
  completion_tokens,
  total_tokens: prompt_tokens + completion_tokens,
  ...defined({
    prompt_tokens_details: nonEmpty(defined(prompt_tokens_details)),
    completion_tokens_details: nonEmpty(defined(completion_tokens_details)),
    ...others,
  }),
})

/** `{ name: count }`, as `read` finds it in each member; undefined where there is none. The names come from the wire. */
export function byName<Value>(
  wire: unknown,
  read: (value: unknown, name: string) => Value | undefined,
): Readonly<Record<string, Value>> | undefined {
  const found: Record<string, Value> = Object.create(null)
  for (const [name, value] of Object.entries(asObject(wire))) {
    const told = read(value, name)
    if (told !== undefined) found[name] = told
  }
  return nonEmpty(found)
}

/** The first of these that is a count. */
export const firstCount = (...values: readonly unknown[]): number | undefined =>
  values.map(asCount).find((value) => value !== undefined)
