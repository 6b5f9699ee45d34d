/** What a webhook of the Cloud API brings, entry by entry: what cannot be read takes nothing else along. https://developers.facebook.com/docs/whatsapp/cloud-api/webhooks */
import { z } from 'zod'
import { type Content, contentOf } from './content.js'
import type { Move } from './people.js'

/** A message that somebody waits for an answer to. */
export interface Received {
  readonly id: string
  readonly phoneNumberId: string
  /** The number; a person with a username may have none. */
  readonly from: string | undefined
  /** The business-scoped id: `US.134…`. */
  readonly userId: string | undefined
  readonly groupId: string | undefined
  /** Epoch milliseconds. */
  readonly sentAt: number
  readonly content: Content
  /** The message it quotes. */
  readonly quotedId: string | undefined
}

/** What a webhook brings, by what is to be done with it. */
export type Event =
  | { readonly type: 'message'; readonly message: Received }
  /** The person edited a message, or took it back. */
  | { readonly type: 'change'; readonly of: Received; readonly text: string | null }
  /** A person has another number or id from now on. */
  | ({ readonly type: 'move' } & Move)
  | { readonly type: 'problem'; readonly error: WebhookError }

/** A message that failed after it was taken, an account in trouble, or something that cannot be read. */
export class WebhookError extends Error {
  override readonly name = 'WebhookError'
  constructor(
    message: string,
    readonly details: {
      readonly code?: number | undefined
      readonly messageId?: string | undefined
      readonly isAlarm?: boolean
    } = {},
  ) {
    super(message)
  }
}

const id = z.union([z.string().min(1), z.number()]).transform(String)

const message = z.looseObject({
  id,
  from: id.nullish(),
  from_user_id: id.nullish(),
  group_id: id.nullish(),
  timestamp: z.coerce
    .number()
    .positive()
    .catch(() => Date.now() / 1000),
  type: z.string(),
  context: z.object({ id: id.nullish() }).nullish().catch(undefined),
})
type WireMessage = z.infer<typeof message>

const error = z.object({ code: z.number(), title: z.string().nullish() })
const status = z.object({ id, status: z.string(), errors: z.array(error).nullish() })
const list = z.array(z.unknown()).nullish()
const value = z.object({
  metadata: z.object({ phone_number_id: id }),
  messages: list,
  statuses: list,
  errors: z.array(error).nullish(),
})
const change = z.object({ field: z.string(), value: z.unknown() })
const entry = z.object({ changes: z.array(z.unknown()) })
const payload = z.object({ entry: z.array(z.unknown()) })

/** Fields that tell of the account: somebody should look. */
const alarmFields = /^(account_|business_|phone_number_|security|payment_)/
/** Token, policy block, lock, payment. */
export const alarmCodes: ReadonlySet<number> = new Set([190, 368, 131031, 131042])

/** Nothing throws; a receipt brings nothing. */
export const eventsOf = (body: unknown): readonly Event[] =>
  read('webhook', payload, body, ({ entry: entries }) =>
    entries.flatMap((each) =>
      read('entry', entry, each, ({ changes }) =>
        changes.flatMap((one) => read('change', change, one, eventsOfChange)),
      ),
    ),
  )

function read<T>(
  name: string,
  schema: z.ZodType<T>,
  given: unknown,
  use: (value: T) => readonly Event[],
): readonly Event[] {
  const { data, error: defect } = schema.safeParse(given)
  if (defect === undefined) return use(data as T)
  const path = defect.issues.map((issue) => issue.path.join('.')).join(', ')
  return [problem(new WebhookError(`A ${name} that cannot be read: ${path || 'its kind'}`))]
}

const problem = (error: WebhookError): Event => ({ type: 'problem', error })

/** `standby` and `history` hold messages that somebody else answers. */
function eventsOfChange({ field, value: given }: z.infer<typeof change>): readonly Event[] {
  if (alarmFields.test(field))
    return [problem(new WebhookError(`${field}: ${eventName(given)}`, { isAlarm: true }))]
  if (field !== 'messages') return []
  return read('value', value, given, ({ metadata, messages, statuses, errors }) => [
    ...(errors ?? []).map((each) => problem(failure('An error of the account', each))),
    ...(statuses ?? []).flatMap((each) => read('status', status, each, eventsOfStatus)),
    ...(messages ?? []).flatMap((each) =>
      read('message', message, each, (one) => eventsOfMessage(one, metadata.phone_number_id)),
    ),
  ])
}

const eventName = (given: unknown) =>
  z.object({ event: z.string() }).safeParse(given).data?.event ?? 'changed'

const failure = (what: string, { code, title }: z.infer<typeof error>, messageId?: string) =>
  new WebhookError(`${what}: ${code} ${title ?? ''}`.trim(), {
    code,
    messageId,
    isAlarm: alarmCodes.has(code),
  })

function eventsOfStatus({ id: messageId, status: told, errors }: z.infer<typeof status>) {
  if (told !== 'failed') return []
  const all = errors?.length ? errors : [{ code: 0 }]
  return all.map((each) => problem(failure(`${messageId} failed`, each, messageId)))
}

const captioned = z.object({ caption: z.string().nullish() }).nullish()
const original = z.object({
  original_message_id: id,
  message: z
    .object({
      text: z.object({ body: z.string() }).nullish(),
      image: captioned,
      video: captioned,
      document: captioned,
    })
    .nullish(),
})
const system = z.object({ type: z.string(), wa_id: id.nullish(), user_id: id.nullish() })

function eventsOfMessage(wire: WireMessage, phoneNumberId: string): readonly Event[] {
  const received = (content: Content, of = wire.id): Received => ({
    id: of,
    phoneNumberId,
    from: wire.from ?? undefined,
    userId: wire.from_user_id ?? undefined,
    groupId: wire.group_id ?? undefined,
    sentAt: wire.timestamp * 1000,
    content,
    quotedId: wire.context?.id ?? undefined,
  })
  if (wire.type === 'edit' || wire.type === 'revoke')
    return read(
      wire.type,
      original,
      wire[wire.type],
      ({ original_message_id, message: edited }) => {
        const { text: words, image, video, document } = edited ?? {}
        const text = words?.body ?? (image ?? video ?? document)?.caption ?? null
        if (wire.type === 'edit' && text === null) return []
        return [
          { type: 'change', of: received({ type: 'text', text: '' }, original_message_id), text },
        ]
      },
    )
  if (wire.type === 'system')
    return read('system', system, wire.system, ({ type, wa_id, user_id }) => {
      const ids = [wire.from, wire.from_user_id, wa_id, user_id].filter((one) => one != null)
      const gone = wa_id != null && wa_id !== wire.from ? (wire.from ?? undefined) : undefined
      return type.startsWith('user_changed')
        ? [{ type: 'move', id: wire.id, phoneNumberId, ids, gone }]
        : []
    })
  if (!wire.from && !wire.from_user_id)
    return [problem(new WebhookError(`${wire.id} of nobody: neither from nor from_user_id`))]
  const content = contentOf(wire.type, wire[wire.type])
  if (content === 'unreadable')
    return [
      problem(new WebhookError(`${wire.id}: a message of type ${wire.type} that cannot be read`)),
    ]
  return content ? [{ type: 'message', message: received(content) }] : []
}
