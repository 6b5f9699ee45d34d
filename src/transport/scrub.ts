/** Takes keys out of text that others will read: servers echo them. */

/**
 * The text without the given secret and without whatever looks like a key. A key that the provider has masked itself
 * (`sk-pr****abcd`) stays as it is.
 */
export function scrub(text: string, secret?: string): string {
  // a shorter secret is no secret, and would take words out of the text
  const known = secret !== undefined && secret.length >= 6 ? text.replaceAll(secret, '[key]') : text
  // a match takes a masked key whole: what has been passed over is not looked at again
  return known.replace(keyLike, (found, before = '', isMasked = '') =>
    isMasked ? found : `${before}[key]`,
  )
}

const keyLike =
  /(\bBearer\s+|[?&](?:key|api_key|access_token)=)[\w.~+/=-]{8,}|(?<![A-Za-z0-9])(?:sk-|xai-|gsk_|pplx-|AIza|ya29\.)[\w-]{16,}(\*)?/g

/** The most characters of an id, a code or a parameter's name that an error, an attempt or a log line shows. */
const maxNameLength = 200

/** An id, a code or a name that a server sent, as it may be shown: without keys, and no longer than names are. */
export const shownName = (name: string, secret?: string): string =>
  scrub(name.slice(0, 4 * maxNameLength), secret).slice(0, maxNameLength)
