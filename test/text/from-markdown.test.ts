import { expect, test } from 'vitest'
import { fromMarkdown, type MessengerFormat } from '../../src/text/index.js'

type Row = readonly [name: string, markdown: string, ...shown: readonly [string, string, string]]

/** WhatsApp, Telegram, plain. */
const rows: readonly Row[] = [
  ['a heading', '## Steps', '*Steps*', '*Steps*', 'Steps'],
  ['a closed heading', '# C# ##', '*C#*', '*C\\#*', 'C#'],
  ['a heading with bold words', '# So **it** is', '*So it is*', '*So it is*', 'So it is'],
  ['an underlined heading', 'Title\n===', '*Title*', '*Title*', 'Title'],
  ['bold', 'a **b** c', 'a *b* c', 'a *b* c', 'a b c'],
  ['italic', 'a *b* _c_', 'a _b_ _c_', 'a _b_ _c_', 'a b c'],
  ['both', '***a***', '*_a_*', '*_a_*', 'a'],
  ['strike', '~~a~~', '~a~', '~a~', 'a'],
  ['bold inside a word', 'un**believ**able', 'unbelievable', 'un*believ*able', 'unbelievable'],
  ['bold over two lines', '**a\nb**', '*a*\n*b*', '*a\nb*', 'a\nb'],
  ['stars that are none', '2 * 3 * 4', '2 * 3 * 4', '2 \\* 3 \\* 4', '2 * 3 * 4'],
  ['names', 'snake_case_name', 'snake_case_name', 'snake\\_case\\_name', 'snake_case_name'],
  ['an open star', 'a **b', 'a **b', 'a \\*\\*b', 'a **b'],
  ['an escaped star', '\\*a\\*', '*a*', '\\*a\\*', '*a*'],
  ['code', '`a*b*`', '`a*b*`', '`a*b*`', 'a*b*'],
  [
    'a link',
    '[site](https://a.example/x_(y))',
    'site (https://a.example/x_(y))',
    '[site](https://a.example/x_(y\\))',
    'site (https://a.example/x_(y))',
  ],
  [
    'a link that is its address',
    '[a.example](https://a.example)',
    'https://a.example',
    '[a\\.example](https://a.example)',
    'https://a.example',
  ],
  [
    'a bold link',
    '**[a](https://b.example)**',
    '*a (https://b.example)*',
    '*[a](https://b.example)*',
    'a (https://b.example)',
  ],
  [
    'an image',
    '![map](https://a.example/m.png)',
    'map (https://a.example/m.png)',
    '[map](https://a.example/m.png)',
    'map (https://a.example/m.png)',
  ],
  [
    'an address',
    '<https://a.example>',
    'https://a.example',
    '[https://a\\.example](https://a.example)',
    'https://a.example',
  ],
  ['no link', 'a [b] (c)', 'a [b] (c)', 'a \\[b\\] \\(c\\)', 'a [b] (c)'],
  ['a list', '* a\n+ b', '- a\n- b', '• a\n• b', '- a\n- b'],
  ['a nested list', '1. a\n   - b', '1. a\n   - b', '1\\. a\n   • b', '1. a\n   - b'],
  ['a number that is not the first', '108. a', '108. a', '108\\. a', '108. a'],
  ['tasks', '- [ ] a\n- [x] b', '☐ a\n☑ b', '☐ a\n☑ b', '☐ a\n☑ b'],
  ['a quote', '> a\n> b', '> a\n> b', '> a\n> b', '> a\n> b'],
  ['a rule', 'a\n\n---\n\nb', 'a\n\n———\n\nb', 'a\n\n———\n\nb', 'a\n\n———\n\nb'],
  ['a line break', 'a<br>b', 'a\nb', 'a\nb', 'a\nb'],
  ['entities', 'a &amp; b &lt;c&gt;', 'a & b <c>', 'a & b <c\\>', 'a & b <c>'],
  ['tags', 'a <sub>2</sub>', 'a <sub>2</sub>', 'a <sub\\>2</sub\\>', 'a <sub>2</sub>'],
  [
    'a table',
    '| City | Now |\n|---|--:|\n| Rome | **18** |\n| a \\| b | `x|y` |',
    '- *City:* Rome · *Now:* *18*\n- *City:* a | b · *Now:* `x|y`',
    '• *City:* Rome · *Now:* *18*\n• *City:* a \\| b · *Now:* `x|y`',
    '- City: Rome · Now: 18\n- City: a | b · Now: x|y',
  ],
  [
    'a fence',
    '```ts\nconst a = "**b**"\n```',
    '```\nconst a = "**b**"\n```',
    '```ts\nconst a = "**b**"\n```',
    'const a = "**b**"',
  ],
  ['a fence that is open', '```\na', '```\na\n```', '```\na\n```', 'a'],
  ['a fence of tildes', '~~~\na\n~~~', '```\na\n```', '```\na\n```', 'a'],
  [
    'a fence in a list',
    '1. a\n   ```\n   b\n     c\n   ```',
    '1. a\n```\nb\n  c\n```',
    '1\\. a\n```\nb\n  c\n```',
    '1. a\nb\n  c',
  ],
  ['code with signs', '`a\\b`', '`a\\b`', '`a\\\\b`', 'a\\b'],
  ['nothing', '', '', '', ''],
]

const formats: readonly MessengerFormat[] = ['whatsapp', 'telegram', 'plain']

test.each(
  rows.flatMap(([name, markdown, ...shown]) =>
    formats.map((format, i) => ({ name, format, markdown, shown: shown[i] })),
  ),
)('$name, as $format', ({ format, markdown, shown }) => {
  expect(fromMarkdown(markdown, format)).toBe(shown)
})

test('Windows line ends are line ends', () => {
  expect(fromMarkdown('# a\r\n\r\nb', 'whatsapp')).toBe('*a*\n\nb')
})
