/** Takes keys out of text that others will read: servers echo them. */

/**
 * The text without the given secret and without whatever looks like a key. A key that the provider has masked itself
 * (`sk-pr****abcd`) stays as it is.
 */
export function scrub(text: string, secret?: string): string {
  // a shorter secret is no secret, and would take words out of the text
  const known = secret !== undefined && secret.length >= 6 ? text.replaceAll(secret, '[key]') : text
  return known.replace(keyLike, '$1[key]')
}

const keyLike =
  /(\bBearer\s+|[?&](?:key|api_key|access_token)=)[\w.~+/=-]{8,}|\b(?:sk-|xai-|gsk_|pplx-|AIza|ya29\.)[\w-]{16,}(?![\w*-])/g
