/** Files of people: described by id, loaded from a link that expires. */
import { createHash } from 'node:crypto'

export interface HeldMedia {
  readonly bytes: Uint8Array
  /** `audio/ogg; codecs=opus` for voice notes. */
  readonly mimeType: string
  /** Values that override the description, to test a wrong one. */
  readonly claims?: {
    readonly file_size?: number
    readonly sha256?: string
    readonly mime_type?: string
  }
}

/** Milliseconds. https://developers.facebook.com/docs/whatsapp/cloud-api/reference/media#get-media-url */
const linkLifeMs = 5 * 60_000

export class MediaShelf {
  private readonly held = new Map<string, HeldMedia>()
  private readonly links = new Map<string, { readonly id: string; readonly expires: number }>()

  constructor(
    private readonly now: () => number,
    private readonly lifeMs = linkLifeMs,
  ) {}

  hold(media: HeldMedia): string {
    const id = String(1_000_000 + this.held.size)
    this.held.set(id, media)
    return id
  }

  remove(id: string): void {
    this.held.delete(id)
  }

  expireLinks(): void {
    this.links.clear()
  }

  /** The answer to `GET /{media id}`; undefined for an unknown id. */
  describe(id: string, baseURL: string): object | undefined {
    const media = this.held.get(id)
    if (!media) return undefined
    const link = String(this.links.size + 1).padStart(4, '0') + id
    this.links.set(link, { id, expires: this.now() + this.lifeMs })
    return {
      messaging_product: 'whatsapp',
      url: `${baseURL}/fake-cdn/${link}`,
      mime_type: media.mimeType,
      sha256: createHash('sha256').update(media.bytes).digest('hex'),
      file_size: media.bytes.length,
      id,
      ...media.claims,
    }
  }

  /** The file of a link; undefined if it has expired. */
  load(link: string): HeldMedia | undefined {
    const { id = '', expires = 0 } = this.links.get(link) ?? {}
    return expires > this.now() ? this.held.get(id) : undefined
  }
}
