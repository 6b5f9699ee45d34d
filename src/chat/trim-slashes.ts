/** The text without the slashes at its end; `/\/+$/` would look again from each slash of a long row. */
export const trimSlashes = (text: string): string => /^.*[^/]/s.exec(text)?.[0] ?? ''
