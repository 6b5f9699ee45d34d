/** What is known of a model, computed once: each request asks for it several times. */

/** Names may come from users: no more are kept. */
const most = 500

/** The same facts for the same name, whatever they are made of. */
export function onceAModel<Facts>(compute: (model: string) => Facts): (model: string) => Facts {
  const known = new Map<string, Facts>()
  return (model) => {
    const found = known.get(model)
    if (found !== undefined) return found
    const facts = compute(model)
    if (known.size >= most) known.clear()
    known.set(model, facts)
    return facts
  }
}
