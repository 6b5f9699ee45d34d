/** Removes keys from text shown to others: servers echo them. */

/** The text without the secret and anything like a key. Masked keys (`sk-pr****abcd`) stay. */
export function scrub(text: string, secret?: string): string {
  // a shorter secret is none, and would remove words from the text
  const known = secret !== undefined && secret.length >= 6 ? text.replaceAll(secret, '[key]') : text
  // a match includes all of a masked key, so its rest is not matched again
  return known.replace(keyLike, (found, before = '', isMasked = '') =>
    isMasked ? found : `${before}[key]`,
  )
}

/** Words behind `Basic` stay ("Basic subscription"): Base64 has capitals or digits. */
const keyLike =
  /(\bBearer\s+|\bBasic\s+(?=[a-z+/]{0,64}[A-Z\d])|[?&](?:key|api_key|access_token)=)[\w.~+/=-]{8,}|(?<![A-Za-z0-9])(?:sk-|xai-|gsk_|pplx-|AIza|ya29\.)[\w-]{16,}(\*)?|\beyJ[\w.-]{16,}/g

/** Maximum length of an id, code or parameter name in an error, attempt or log. UTF-16 units. */
const maxNameLength = 200

/** An id, code or name from a server, fit to be shown: without keys, cut to `maxNameLength`. */
export const shownName = (name: string, secret?: string): string =>
  scrub(name.slice(0, 4 * maxNameLength), secret).slice(0, maxNameLength)
