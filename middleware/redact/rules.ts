/** The shape of a rule, and the built-in rules. */
import { MisuseError } from '../../src/core/index.js'

/** Accepted by `String.prototype.replace`: a RegExp, or an object of another engine (re2). */
export interface Pattern {
  [Symbol.replace](text: string, replacer: (match: string, ...args: unknown[]) => string): string
}

export interface Rule {
  /** Letters, words joined by `_`: `email` is masked as `<EMAIL_1>`. */
  readonly name: string
  /**
   * Global if it is no RegExp. Run over windows of 2 × `maxLength`, so `^` and `$` are meaningless;
   * look-behind and look-ahead see 64 units.
   */
  readonly pattern: Pattern
  /** Length of the longest match, in UTF-16 units. */
  readonly maxLength: number
  /**
   * One character that a match can contain, as in `/[\w.@-]/`: only a run of these at the end of a
   * stream is held back.
   * @default any: `maxLength` units are held back
   */
  readonly chars?: RegExp | undefined
  /**
   * Matches the beginning of a match, also one truncated by the end (`$`): other text is not held
   * back.
   */
  readonly begins?: RegExp | undefined
  /**
   * Validates a match: a checksum. A match that fails is retried without its last groups (space,
   * hyphen).
   */
  readonly valid?: ((match: string) => boolean) | undefined
}

export type BuiltInRule = keyof typeof builtIn

/** A rule, ready to search. */
export interface SearchRule extends Rule {
  readonly placeholder: string
  /** Its pattern runs in linear time: no windows needed. */
  readonly isLinear: boolean
  /** Units before and after a match that its pattern looks at. @default 0 */
  readonly behind?: number
  readonly ahead?: number
}

/** Units that a pattern may look at on each side of a match. */
export const lookAround = 64

const unit = String.raw`(?:\\p\{[^}]*\}|\\[^pPux]|\[(?:\\.|[^\\\]])*\]|[^\\()[\]{}|*+?])`
/** Look-aheads of one unit, as in `(?!\d)`: the unit that ends a run decides them. */
const shortAheads = new RegExp(String.raw`\(\?[=!]${unit}(?:\|${unit})*\)`, 'gi')

function looksOf(pattern: Pattern) {
  const source = pattern instanceof RegExp ? pattern.source : ''
  const isLong = /\(\?[=!]/.test(source.replace(shortAheads, ''))
  return {
    behind: /\(\?<[=!]/.test(source) ? lookAround : 0,
    ahead: isLong ? lookAround : 0,
  }
}

const digits = (text: string) => text.replace(/\D/g, '')

/** ISO/IEC 7812-1, annex B. */
function isLuhn(text: string): boolean {
  let sum = 0
  let count = 0
  for (let i = text.length - 1; i >= 0; i--) {
    const digit = text.charCodeAt(i) - 48
    if (digit < 0 || digit > 9) continue
    const weighted = digit * (1 + (count % 2))
    sum += weighted > 9 ? weighted - 9 : weighted
    count++
  }
  return count >= 13 && sum > 0 && sum % 10 === 0
}

/** ISO 13616: letters as two digits, the first four at the end, modulo 97 is 1. */
function isIban(text: string): boolean {
  const codes: number[] = []
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i)
    if (code !== 32 && code !== 45) codes.push(code)
  }
  if (codes.length < 15 || codes.length > 34) return false
  let rest = 0
  for (const code of [...codes.slice(4), ...codes.slice(0, 4)]) {
    const isDigit = code < 58
    // a letter of either case: a is 10
    rest = (rest * (isDigit ? 10 : 100) + (isDigit ? code - 48 : (code | 32) - 87)) % 97
  }
  return rest === 1
}

/** E.164: at most 15 digits. False for a date with a time. */
function isPhone(text: string): boolean {
  const { length } = digits(text)
  if (/^\d{1,2}[./-]\d{1,2}[./-]\d{4}/.test(text) || /^\d{4}-\d\d-\d\d/.test(text)) return false
  return length >= 7 && length <= 15
}

const isIpv4 = (text: string) => text.split('.').every((part) => Number(part) <= 255)

/** RFC 4291, section 2.2. False for words joined by `::`. */
function isIpv6(text: string): boolean {
  const tail = text.match(/(?<=:)\d{1,3}(?:\.\d{1,3}){3}$/)?.[0]
  if (tail && !isIpv4(tail)) return false
  const groups = (tail ? text.replace(tail, '0:0') : text).split(':')
  const isShort = text.includes('::')
  if (!/\d/.test(text) || text.indexOf('::') !== text.lastIndexOf('::')) return false
  if (/^:[^:]|[^:]:$/.test(text)) return false
  return isShort ? groups.length <= 9 : groups.length === 8
}

const isIp = (text: string) => (text.includes(':') ? isIpv6(text) : isIpv4(text))

/** Linear in the text: bounded repeats, and no ambiguous matches. */
const builtIn = {
  /** Prefixes of providers and forges, JSON Web Tokens (RFC 7519). */
  key: {
    pattern:
      /(?<![A-Za-z0-9])(?:(?:sk|pk|rk|xai|gsk|glpat|hf|xox[abeoprs])[-_][\w-]{16,500}|AIza[\w-]{35}|gh[opsur]_\w{30,255}|github_pat_\w{22,255}|(?:AKIA|ASIA)[0-9A-Z]{16}|eyJ[\w-]{8,700}\.[\w-]{8,700}\.[\w-]{8,600})/g,
    maxLength: 2048,
    chars: /[\w.-]/,
  },
  email: {
    pattern:
      /[\p{L}\p{M}\p{N}._%+'-]{1,64}@(?:[\p{L}\p{M}\p{N}][\p{L}\p{M}\p{N}-]{0,62}\.){1,8}\p{L}[\p{L}\p{M}\p{N}-]{0,61}[\p{L}\p{M}\p{N}]/gu,
    maxLength: 320,
    chars: /[\p{L}\p{M}\p{N}._%+'@-]/u,
  },
  iban: {
    pattern: /(?<![A-Z0-9])[A-Z]{2}\d\d(?:[ -]?[A-Z0-9]){11,30}(?![A-Z0-9])/gi,
    maxLength: 64,
    chars: /[A-Z0-9 -]/i,
    begins: /(?<![A-Z0-9])[A-Z](?:$|[A-Z](?:$|\d))/i,
    valid: isIban,
  },
  card: {
    pattern: /(?<![A-Za-z0-9])\d(?:[ -]?\d){12,18}(?![A-Za-z0-9])/g,
    maxLength: 37,
    chars: /[\d -]/,
    begins: /(?<![A-Za-z0-9])\d/,
    valid: isLuhn,
  },
  ip: {
    pattern:
      /(?<![\w.:])(?:\d{1,3}(?:\.\d{1,3}){3}(?![\w]|\.\d)|(?:[0-9a-f]{0,4}:){2,7}(?:\d{1,3}(?:\.\d{1,3}){3}|[0-9a-f]{0,4})(?![\w:]))/gi,
    maxLength: 45,
    chars: /[0-9a-f:.]/i,
    begins: /(?<![\w.:])[0-9a-f:]/i,
    valid: isIp,
  },
  phone: {
    pattern:
      /(?<![A-Za-z0-9])(?:(?:\+|00)[1-9](?:[ ()./-]{0,2}\d){6,14}|(?:1[ .-])?(?:\(\d{3}\) ?|\d{3}[ .-])\d{3}[ .-]\d{4}|\(?0[1-9](?:[ ()./-]{0,2}\d){7,12})(?![A-Za-z0-9])/g,
    maxLength: 48,
    chars: /[\d +()./-]/,
    begins: /(?<![A-Za-z0-9])[+(\d]/,
    valid: isPhone,
  },
} satisfies Record<string, Omit<Rule, 'name'>>

/** @default all built-in rules */
export function toSearchRules(
  given: readonly (BuiltInRule | Rule)[] = Object.keys(builtIn) as BuiltInRule[],
): readonly SearchRule[] {
  const rules = given.map(toSearchRule)
  const names = rules.map(({ placeholder }) => placeholder)
  const twice = names.find((name, at) => names.indexOf(name) !== at)
  if (twice) throw new MisuseError(`redact() has two rules for ${twice}: give each its own name`)
  return rules
}

function toSearchRule(given: BuiltInRule | Rule): SearchRule {
  if (typeof given === 'string') return toBuiltIn(given)
  const { name, pattern, maxLength } = given
  const placeholder = toPlaceholder(name)
  if (!Number.isSafeInteger(maxLength) || maxLength < 1)
    throw new MisuseError(
      `The rule '${name}' needs a maxLength: the length of its longest match in UTF-16 units`,
    )
  if (typeof pattern?.[Symbol.replace] !== 'function')
    throw new MisuseError(`The rule '${name}' needs a pattern: a RegExp, or what replace() takes`)
  if (!(pattern instanceof RegExp) && 'global' in pattern && pattern.global !== true)
    throw new MisuseError(`The pattern of the rule '${name}' needs the flag g`)
  const ready = pattern instanceof RegExp ? withFlags(pattern, 'g') : pattern
  const looks = looksOf(pattern)
  return { ...given, ...sticky(given), ...looks, pattern: ready, placeholder, isLinear: false }
}

function toBuiltIn(name: BuiltInRule): SearchRule {
  if (!Object.hasOwn(builtIn, name))
    throw new MisuseError(
      `redact() has no rule '${name}': ${Object.keys(builtIn).join(', ')}, or an object`,
    )
  const rule: Omit<Rule, 'name'> = builtIn[name]
  return { ...rule, ...sticky(rule), name, placeholder: toPlaceholder(name), isLinear: true }
}

/** The name in placeholders. Throws `MisuseError`. */
export function toPlaceholder(name: string): string {
  if (typeof name === 'string' && name.length <= 32 && /^[a-z]+(?:_[a-z]+)*$/i.test(name))
    return name.toUpperCase()
  throw new MisuseError(
    `The name of a rule must be letters, in words joined by _, at most 32 characters: '${String(name)}' is not`,
  )
}

const sticky = ({ chars, begins }: Pick<Rule, 'chars' | 'begins'>) => ({
  chars: chars && withFlags(chars, ''),
  begins: begins && withFlags(begins, 'y'),
})

/** A copy, so that `lastIndex` is not shared with the app. */
const withFlags = (pattern: RegExp, flags: string) =>
  new RegExp(pattern.source, pattern.flags.replace(/[gy]/g, '') + flags)
