/** The bodies that we write are what the official SDK would write: a mismatch does not build. */

import type Anthropic from '@anthropic-ai/sdk'
import type {
  MessageCountTokensParams,
  MessageCreateParamsBase,
} from '@anthropic-ai/sdk/resources/messages/messages'
import type { AnthropicClient } from '../../src/providers/anthropic/index.js'
import type { WireBody, WireMcpServer } from '../../src/providers/anthropic/wire.js'

/** The SDK's types are writable; ours are not. */
type Writable<T> = T extends readonly (infer Item)[]
  ? Writable<Item>[]
  : T extends object
    ? { -readonly [Key in keyof T]: Writable<T[Key]> }
    : T

declare const body: Writable<WireBody>
export const params: MessageCreateParamsBase = body

declare const counted: Writable<
  Pick<
    WireBody,
    'model' | 'messages' | 'system' | 'tools' | 'tool_choice' | 'thinking' | 'output_config'
  >
>
export const countParams: MessageCountTokensParams = counted

declare const server: Writable<WireMcpServer>
export const betaServer: Anthropic.Beta.BetaRequestMCPServerURLDefinition = server

declare const official: Anthropic
export const client: AnthropicClient = official

// ---- What must not build --------------------------------------------------------------------------------------------

declare const wrongEffort: Omit<Writable<WireBody>, 'output_config'> & {
  output_config: { effort: 'ultra' }
}
// @ts-expect-error there is no such effort
export const badEffort: MessageCreateParamsBase = wrongEffort

declare const wrongBlock: Omit<Writable<WireBody>, 'messages'> & {
  messages: { role: 'user'; content: { type: 'input_text'; text: string }[] }[]
}
// @ts-expect-error there is no such block
export const badBlock: MessageCreateParamsBase = wrongBlock

declare const wrongChoice: Omit<Writable<WireBody>, 'tool_choice'> & {
  tool_choice: { type: 'required' }
}
// @ts-expect-error there is no such choice
export const badChoice: MessageCreateParamsBase = wrongChoice

declare const wrongSystem: Omit<Writable<WireBody>, 'system'> & { system: { text: string }[] }
// @ts-expect-error a system block says its type
export const badSystem: MessageCreateParamsBase = wrongSystem
