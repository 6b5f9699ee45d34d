/** Ids of calls and hosted tools that the API gives none. */

/** Generates an id, of 37 characters for a call: OpenAI accepts at most 40. */
export const madeId = (kind = 'call'): string =>
  `${kind}_${globalThis.crypto.randomUUID().replaceAll('-', '')}`
