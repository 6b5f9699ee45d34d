/** Generated Markdown as models write it, for properties. */
import fc from 'fast-check'

const words = fc.constantFrom(
  ...[
    'river',
    'Rome',
    'the',
    '42',
    'e.g.',
    'naïve',
    'это',
    'مرحبا',
    '東京',
    '👩‍👩‍👧',
    'C++',
    'snake_case',
    '3*4',
    'a|b',
  ],
)
const plain = fc.array(words, { minLength: 1, maxLength: 12 }).map((list) => list.join(' '))
const simple = fc.constantFrom('one', 'two words', 'Überraschung', 'три')
const piece = fc.oneof(
  plain,
  simple.map((text) => `**${text}**`),
  simple.map((text) => `*${text}*`),
  simple.map((text) => `~~${text}~~`),
  simple.map((text) => `\`${text}\``),
  fc.tuple(simple, fc.webUrl()).map(([text, url]) => `[${text}](${url})`),
)
export const sentence = fc
  .array(piece, { minLength: 1, maxLength: 6 })
  .map((list) => `${list.join(' ')}.`)
const paragraph = fc.array(sentence, { minLength: 1, maxLength: 6 }).map((list) => list.join(' '))
const heading = fc
  .tuple(fc.integer({ min: 1, max: 4 }), plain)
  .map(([n, text]) => `${'#'.repeat(n)} ${text}`)
const list = fc
  .tuple(
    fc.boolean(),
    fc.integer({ min: 1, max: 130 }),
    fc.array(sentence, { minLength: 1, maxLength: 8 }),
  )
  .map(([isNumbered, first, items]) =>
    items.map((item, i) => `${isNumbered ? `${first + i}.` : '-'} ${item}`).join('\n'),
  )
const code = fc
  .tuple(
    fc.constantFrom('', 'ts', 'python'),
    fc.array(fc.constantFrom('if (x) {', '  return `y`', '}', '', '    deep: **not bold**'), {
      minLength: 1,
      maxLength: 20,
    }),
  )
  .map(([language, lines]) => `\`\`\`${language}\n${lines.join('\n')}\n\`\`\``)
const table = fc
  .array(fc.tuple(simple, simple), { minLength: 1, maxLength: 12 })
  .map((rows) =>
    ['| Name | Value |', '|---|---|', ...rows.map((row) => `| ${row.join(' | ')} |`)].join('\n'),
  )
const quote = sentence.map((text) => `> ${text}`)

/** A whole answer. */
export const answer = fc
  .array(fc.oneof(paragraph, heading, list, code, table, quote), { minLength: 1, maxLength: 8 })
  .map((blocks) => blocks.join('\n\n'))
