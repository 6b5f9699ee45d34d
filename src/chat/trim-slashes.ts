/** Removes trailing slashes; `/\/+$/` would rescan from each slash of a long run. */
export const trimSlashes = (text: string): string => /^.*[^/]/s.exec(text)?.[0] ?? ''
