/** Tool-call ids as stored by litellm: `call_1__thought__c2ln…`. */

const signatureMark = '__thought__'

/** Splits off the Gemini thought signature that litellm appends to an id. '' if not text. */
export function splitId(given: unknown): { readonly id: string; readonly signature?: string } {
  const id = typeof given === 'string' ? given : ''
  const at = id.indexOf(signatureMark)
  return at < 0 ? { id } : { id: id.slice(0, at), signature: id.slice(at + signatureMark.length) }
}
