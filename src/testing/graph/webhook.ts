/**
 * Webhooks of Meta, and their signature.
 * https://developers.facebook.com/docs/whatsapp/cloud-api/webhooks/components
 */
import { createHmac } from 'node:crypto'

/** A message in a webhook; omitted members are filled in. */
export interface PersonMessage {
  /** @default a new `wamid.…` */
  readonly id?: string
  /**
   * The number; a person with a username may have none.
   * @default '15550199' without a `from_user_id`
   */
  readonly from?: string
  /** The business-scoped id of a person: `US.134…`. */
  readonly from_user_id?: string
  /** Unix seconds. @default now */
  readonly timestamp?: string
  readonly type: string
  /** `text: { body }`, `image: { id, caption }`, `interactive: {…}`, `context: { id }` … */
  readonly [part: string]: unknown
}

export interface DeliverOptions {
  /** The business number it was sent to. @default '106540352242922' */
  readonly phoneNumberId?: string
  /** `standby`, `history`, `smb_message_echoes` … @default 'messages' */
  readonly field?: string
}

const defaultPhoneNumberId = '106540352242922'

/** The value of `X-Hub-Signature-256` for these bytes. */
export const signWebhook = (body: string | Uint8Array, appSecret: string): string =>
  `sha256=${createHmac('sha256', appSecret).update(body).digest('hex')}`

/** A webhook with one change. */
export const webhookOf = (field: string, value: object): object => ({
  object: 'whatsapp_business_account',
  entry: [{ id: '102290129340398', changes: [{ field, value }] }],
})

/**
 * A webhook about messages of one business number: `messages`, `statuses`, `contacts`, `errors`.
 */
export const messagesWebhook = (
  value: object,
  { phoneNumberId = defaultPhoneNumberId, field = 'messages' }: DeliverOptions = {},
): object =>
  webhookOf(field, {
    messaging_product: 'whatsapp',
    metadata: { display_phone_number: '15550100', phone_number_id: phoneNumberId },
    ...value,
  })

export const contactsOf = (messages: readonly PersonMessage[]) =>
  messages.map(({ from, from_user_id }) => ({
    profile: { name: 'A person' },
    ...(from !== undefined && { wa_id: from }),
    ...(from_user_id !== undefined && { user_id: from_user_id }),
  }))
