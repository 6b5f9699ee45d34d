/** Media types that Claude reads. */
import type { WireImage } from './wire.js'

type ImageType = Extract<WireImage['source'], { type: 'base64' }>['media_type']

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
