/** What a webhook of the Cloud API brings: from its JSON to messages. https://developers.facebook.com/docs/whatsapp/cloud-api/webhooks */
import { z } from 'zod'

/** One message of a person. */
export interface Inbound {
  /** `wamid.…`, the same in each delivery. */
  readonly id: string
  /** The number it came from. */
  readonly from: string
  /** Our number it was sent to: answers go out from there. */
  readonly phoneNumberId: string
  readonly content:
    | { readonly type: 'text'; readonly text: string }
    | { readonly type: 'image'; readonly mediaId: string; readonly caption: string }
    | { readonly type: 'other'; readonly name: string }
}

const message = z.object({
  id: z.string().min(1),
  from: z.string().min(1),
  type: z.string(),
  text: z.object({ body: z.string() }).optional(),
  image: z.object({ id: z.string(), caption: z.string().optional() }).optional(),
})

const value = z.object({
  metadata: z.object({ phone_number_id: z.string().regex(/^\d+$/) }).optional(),
  messages: z.array(z.unknown()).optional(),
})

const payload = z.object({
  entry: z.array(z.object({ changes: z.array(z.object({ value: z.unknown() })) })),
})

/** The messages of a webhook. Receipts (`statuses`) and all that is new to us are passed over, nothing throws. */
export function inboundOf(body: unknown): readonly Inbound[] {
  const { data } = payload.safeParse(body)
  const changes = data?.entry.flatMap((entry) => entry.changes) ?? []
  return changes.flatMap((change) => {
    const { metadata, messages = [] } = value.safeParse(change.value).data ?? {}
    return messages.flatMap((each) => {
      const parsed = message.safeParse(each).data
      return metadata && parsed ? [toInbound(parsed, metadata.phone_number_id)] : []
    })
  })
}

function toInbound(from: z.infer<typeof message>, phoneNumberId: string): Inbound {
  return { id: from.id, from: from.from, phoneNumberId, content: contentOf(from) }
}

function contentOf({ type, text, image }: z.infer<typeof message>): Inbound['content'] {
  if (type === 'text' && text) return { type, text: text.body }
  if (type === 'image' && image) return { type, mediaId: image.id, caption: image.caption ?? '' }
  return { type: 'other', name: type }
}
