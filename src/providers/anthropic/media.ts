/** Media types that Claude reads: told, or seen in the first bytes. */
import { mediaTypeOfData } from '../../chat/index.js'
import type { ImageType } from './wire.js'

/** The bytes win: an image under the name of another format is refused. Of what was told the first that says something counts. */
export const mediaType = (data: string, told: readonly (string | undefined)[]): string =>
  mediaTypeOfData(data) ??
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
