/** Ids of tool calls as histories of litellm hold them: `call_1__thought__c2ln…`. */

const signatureMark = '__thought__'

/** litellm hides a thought signature of Gemini behind the id of its call. What is no text is no id. */
export function splitId(given: unknown): { readonly id: string; readonly signature?: string } {
  const id = typeof given === 'string' ? given : ''
  const at = id.indexOf(signatureMark)
  return at < 0 ? { id } : { id: id.slice(0, at), signature: id.slice(at + signatureMark.length) }
}
