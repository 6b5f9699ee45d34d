/** Media types: told, read from a name, or seen in the first bytes. */
import type { ImageType } from './wire.js'

const typesByEnding: ReadonlyMap<string, string> = new Map([
  ['pdf', 'application/pdf'],
  ['txt', 'text/plain'],
  ['md', 'text/markdown'],
  ['csv', 'text/csv'],
  ['json', 'application/json'],
  ['html', 'text/html'],
  ['xml', 'text/xml'],
  ['jpg', 'image/jpeg'],
  ['jpeg', 'image/jpeg'],
  ['png', 'image/png'],
  ['gif', 'image/gif'],
  ['webp', 'image/webp'],
])

/** By the ending of a file name or an address. */
export const typeByName = (name: string | undefined): string | undefined =>
  typesByEnding.get(/\.(\w+)(?:[?#].*)?$/.exec(name ?? '')?.[1]?.toLowerCase() ?? '')

/** How the formats that Claude reads begin, in base64. */
const beginnings: readonly (readonly [string, string])[] = [
  ['JVBERi0', 'application/pdf'],
  ['iVBORw0KGgo', 'image/png'],
  ['/9j/', 'image/jpeg'],
  ['R0lGOD', 'image/gif'],
  ['UklGR', 'image/webp'],
]

/** The bytes win: an image under the name of another format is refused. Of what was told the first that says something counts. */
export const mediaType = (data: string, told: readonly (string | undefined)[]): string =>
  beginnings.find(([beginning]) => data.startsWith(beginning))?.[1] ??
  told.map(bareType).find((type) => type !== '' && type !== 'application/octet-stream') ??
  ''

/** Without parameters, and under its proper name. */
export const bareType = (type: string | undefined): string =>
  (type ?? '').split(';')[0]?.trim().toLowerCase().replace('image/jpg', 'image/jpeg') ?? ''

const imageTypes: ReadonlySet<string> = new Set([
  'image/jpeg',
  'image/png',
  'image/gif',
  'image/webp',
] satisfies ImageType[])

export const isImageType = (type: string): type is ImageType => imageTypes.has(type)

/** Types that are text under another name. */
export const isTextType = (type: string): boolean =>
  type.startsWith('text/') || /^application\/(.*\+)?(json|xml|yaml|javascript)$/.test(type)

/** Percent-encoded text as base64; undefined where it is not well encoded. */
export const toBase64 = (escaped: string): string | undefined =>
  attempt(() => {
    const bytes = new TextEncoder().encode(decodeURIComponent(escaped))
    return btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(''))
  })

/** The text that base64 holds; undefined where it is not well encoded. */
export const fromBase64 = (data: string): string | undefined =>
  attempt(() => new TextDecoder().decode(Uint8Array.from(atob(data), (char) => char.charCodeAt(0))))

const attempt = (decode: () => string) => {
  try {
    return decode()
  } catch {
    return undefined
  }
}
