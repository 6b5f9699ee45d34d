/** The types of messages that a person sends, as what a model reads. */
import { z } from 'zod'

export type Content =
  | { readonly type: 'text'; readonly text: string }
  | {
      readonly type: 'media'
      readonly kind: MediaKind
      readonly mediaId: string
      readonly caption: string
      readonly filename: string | undefined
    }

export type MediaKind = 'image' | 'audio' | 'document'

const optional = z.string().nullish()
const text = (body: string): Content => ({ type: 'text', text: body })
const line = (...words: readonly (string | number | null | undefined)[]): Content =>
  text(`[${words.filter((word) => word != null && word !== '').join(' ')}]`)

const media = (kind: MediaKind) =>
  z.object({ id: z.string(), caption: optional, filename: optional }).transform(
    ({ id, caption, filename }): Content => ({
      type: 'media',
      kind,
      mediaId: id,
      caption: caption ?? '',
      filename: filename ?? undefined,
    }),
  )

const choice = z.object({ title: z.string(), description: optional }).nullish()

const phones = z.array(z.object({ phone: optional })).nullish()
const contact = z.object({ name: z.object({ formatted_name: optional }).nullish(), phones })

const product = z.object({
  product_retailer_id: z.coerce.string(),
  quantity: z.coerce.number(),
  item_price: z.coerce.number().nullish(),
  currency: optional,
})

/** By type: what a message holds under the name of its type. */
const contents: ReadonlyMap<string, z.ZodType<Content>> = new Map<string, z.ZodType<Content>>([
  ['text', z.object({ body: z.string() }).transform(({ body }) => text(body))],
  ['image', media('image')],
  ['audio', media('audio')],
  ['voice', media('audio')],
  ['document', media('document')],
  ['video', z.object({ caption: optional }).transform(({ caption }) => line('video', caption))],
  ['sticker', z.object({}).transform(() => line('sticker'))],
  ['button', z.object({ text: z.string() }).transform((button) => text(button.text))],
  [
    'interactive',
    z
      .object({
        button_reply: choice,
        list_reply: choice,
        nfm_reply: z.object({ response_json: optional, body: optional }).nullish(),
      })
      .transform(({ button_reply, list_reply, nfm_reply }) => {
        const { title, description } = button_reply ?? list_reply ?? {}
        if (title) return text([title, description].filter(Boolean).join(': '))
        return line('form', nfm_reply?.response_json ?? nfm_reply?.body)
      }),
  ],
  [
    'location',
    z
      .object({ latitude: z.number(), longitude: z.number(), name: optional, address: optional })
      .transform(({ latitude, longitude, name, address }) =>
        line('location', name, address, `${latitude}, ${longitude}`),
      ),
  ],
  [
    'contacts',
    z
      .array(contact)
      .transform((contacts) =>
        line(
          'contacts',
          contacts
            .map(({ name, phones: numbers }) =>
              [name?.formatted_name, ...(numbers ?? []).map(({ phone }) => phone)].join(' ').trim(),
            )
            .join(', '),
        ),
      ),
  ],
  [
    'order',
    z.object({ product_items: z.array(product), text: optional }).transform((order) => {
      const items = order.product_items.map(
        ({ product_retailer_id, quantity, item_price, currency }) =>
          [quantity, '×', product_retailer_id, item_price, currency]
            .filter((word) => word != null)
            .join(' '),
      )
      return line('order', items.join(', '), order.text)
    }),
  ],
])

/** Undefined for what nobody waits for an answer to: reactions, requests to chat, types that are new. */
export function contentOf(type: string, part: unknown): Content | 'unreadable' | undefined {
  const schema = contents.get(type)
  if (!schema) return undefined
  return schema.safeParse(part).data ?? 'unreadable'
}
