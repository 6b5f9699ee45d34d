/** The text without the slashes at its end; `/\/+$/` would look again from each slash of a long row. */
export function trimSlashes(text: string): string {
  let end = text.length
  while (end > 0 && text.charAt(end - 1) === '/') end--
  return text.slice(0, end)
}
