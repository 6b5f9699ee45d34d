/** The request of `POST /v1/messages`, in the types of the official SDK. */
import type Anthropic from '@anthropic-ai/sdk'
import type { MessageCreateParamsBase } from '@anthropic-ai/sdk/resources/messages/messages'
import type { JsonObject } from '../../chat/index.js'
import type { Plain } from '../plain.js'

type Params = Plain<MessageCreateParamsBase>

export type WireText = Plain<Anthropic.TextBlockParam>
export type WireImage = Plain<Anthropic.ImageBlockParam>
export type WireDocument = Plain<Anthropic.DocumentBlockParam>
export type WireContainerUpload = Plain<Anthropic.ContainerUploadBlockParam>
export type WireToolUse = Plain<Anthropic.ToolUseBlockParam>
/** `thinking`, with members of single models. */
export type WireThinking = JsonObject & { readonly type: string }
export type WireThinkingConfig = Plain<Anthropic.ThinkingConfigParam>
export type WireEffort = NonNullable<NonNullable<Params['output_config']>['effort']>
export type WireToolChoice = Plain<Anthropic.ToolChoice>
export type WireMcpServer = Plain<Anthropic.Beta.BetaRequestMCPServerURLDefinition>

/** A block of ours, or a native one that is passed through. */
export type WireBlock = JsonObject
export type WireBlocks = readonly WireBlock[]

export const isThinking = ({ type }: WireBlock): boolean =>
  type === 'thinking' || type === 'redacted_thinking'

/** A call of a tool that the provider runs. */
export const isHostedCall = ({ type }: WireBlock): boolean =>
  type === 'server_tool_use' || type === 'mcp_tool_use'

export const isHostedResult = ({ type }: WireBlock): boolean =>
  typeof type === 'string' && type.endsWith('_tool_result')

export type WireMessages = readonly WireMessage[]

export interface WireMessage {
  readonly role: 'user' | 'assistant' | 'system'
  readonly content: WireBlocks
}

/** A tool of the caller. */
export type WireFunction = Plain<Anthropic.Tool>
/** A tool of the caller, or a native one that the provider runs or defines. */
export type WireTool = WireFunction | JsonObject

export interface WireBody
  extends Omit<Params, 'messages' | 'system' | 'tools' | 'thinking' | 'model'> {
  readonly model: string
  readonly messages: WireMessages
  readonly system?: WireBlocks
  readonly thinking?: WireThinking
  readonly tools?: readonly WireTool[]
}
