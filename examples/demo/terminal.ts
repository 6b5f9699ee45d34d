/** Colours, headings and a table for a terminal; plain text where the output is none. */
import { stripVTControlCharacters, styleText } from 'node:util'

type Style = Parameters<typeof styleText>[0]
const isTerminal = process.stdout.isTTY === true && !process.env.NO_COLOR
const style = (name: Style) => (text: string) => (isTerminal ? styleText(name, text) : text)

export const bold = style('bold')
export const cyan = style('cyan')
export const dim = style('dim')
export const green = style('green')
export const magenta = style('magenta')
export const red = style('red')
export const yellow = style('yellow')

export const heading = (title: string, subtitle: string) =>
  `${bold(title)}  ${dim(subtitle)}\n${dim('─'.repeat(title.length + subtitle.length + 2))}`

/** Columns as wide as their widest cell; numbers stand to the right. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = head.map((title, column) =>
    Math.max(
      ...[title, ...rows.map((row) => row[column] ?? '')].map(
        (cell) => stripVTControlCharacters(cell).length,
      ),
    ),
  )
  const line = (row: readonly string[]) =>
    row
      .map((cell, column) =>
        column === 0 ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0),
      )
      .join('  ')
  const rule = dim(widths.map((width) => '─'.repeat(width)).join('──'))
  return [bold(line(head)), rule, ...rows.map(line)].join('\n')
}
