/** The Chat Completions wire: requests in the types of the official SDK, responses unchecked. */
import type OpenAI from 'openai'
import type { JsonObject } from '../../chat/index.js'
import type { Plain } from '../plain.js'

type Params = Plain<OpenAI.ChatCompletionCreateParamsNonStreaming>

/** The body of a request, without the members that are passed through. */
export interface WireRequest
  extends Omit<
    Params,
    'messages' | 'tools' | 'metadata' | 'model' | 'stream' | 'stream_options' | 'service_tier'
  > {
  readonly model: string
  readonly messages: WireMessages
  readonly tools?: readonly WireTool[]
  readonly stream?: boolean
  readonly stream_options?: { readonly include_usage: boolean }
}

/** Parameters of servers beside the official ones. */
export interface WireExtensions {
  /** OpenRouter's form. */
  readonly reasoning?: JsonObject
  /** The form of DeepSeek, Moonshot and others. */
  readonly thinking?: JsonObject
  readonly [key: string]: unknown
}

/** A message of ours, with members of its server. */
export type WireMessage = JsonObject
export type WireMessages = readonly WireMessage[]
export type WireToolCall = Plain<OpenAI.ChatCompletionMessageToolCall>

/** A part of ours, or a native one that is passed through. */
export type WirePart = JsonObject
export type WireParts = readonly WirePart[]
export type WireMediaPart = Plain<Exclude<OpenAI.ChatCompletionContentPart, { type: 'text' }>>

export type WireFunction = Plain<OpenAI.FunctionDefinition>
/** A tool of ours, or one that the server runs. */
export type WireTool = JsonObject
export type WireToolChoice = NonNullable<Params['tool_choice']>
export type WireFormat = NonNullable<Params['response_format']>
