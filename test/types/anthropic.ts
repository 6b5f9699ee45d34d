/**
 * The bodies that we write are assignable to the official SDK's types: a mismatch does not compile.
 */

import type Anthropic from '@anthropic-ai/sdk'
import type {
  MessageCountTokensParams,
  MessageCreateParamsBase,
} from '@anthropic-ai/sdk/resources/messages/messages'
import type { AnthropicClient } from '../../src/providers/anthropic/index.js'
import type {
  WireBody,
  WireContainerUpload,
  WireDocument,
  WireFunction,
  WireImage,
  WireMcpServer,
  WireText,
  WireThinkingConfig,
  WireToolUse,
} from '../../src/providers/anthropic/wire.js'

/** The SDK's types are mutable; ours are not. */
type Writable<T> = T extends readonly (infer Item)[]
  ? Writable<Item>[]
  : T extends object
    ? { -readonly [Key in keyof T]: Writable<T[Key]> }
    : T

/** Known blocks and tools are checked one by one: provider-specific ones are passed through. */
type Given = 'messages' | 'system' | 'tools' | 'thinking'

declare const body: Writable<Omit<WireBody, Given>>
declare const blocks: Writable<
  WireText | WireImage | WireDocument | WireContainerUpload | WireToolUse
>[]
declare const text: Writable<WireText>[]
declare const fn: Writable<WireFunction>
declare const thinking: Writable<WireThinkingConfig>
const written = { system: text, tools: [fn], thinking }
export const params: MessageCreateParamsBase = {
  ...body,
  ...written,
  messages: [{ role: 'user', content: blocks }],
}

declare const counted: Writable<Pick<WireBody, 'model' | 'tool_choice' | 'output_config'>>
export const countParams: MessageCountTokensParams = {
  ...counted,
  ...written,
  messages: [{ role: 'assistant', content: blocks }],
}

declare const server: Writable<WireMcpServer>
export const betaServer: Anthropic.Beta.BetaRequestMCPServerURLDefinition = server

declare const official: Anthropic
export const client: AnthropicClient = official

// ---- What must not compile ----------------------------------------------------------------------

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
