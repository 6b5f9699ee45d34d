/** The Responses wire: requests in the types of the official SDK, responses read field by field. */
import type * as Sdk from 'openai/resources/responses/responses'
import type { Capabilities, ChatRequest, JsonObject, Usage } from '../../chat/index.js'
import type { OnDemand } from '../../core/on-demand.js'
import type { DialectSchema, SchemaWarn } from '../../schema/index.js'
import type { ToError } from '../../transport/index.js'
import type { Notes } from '../notes.js'
import type { Plain } from '../plain.js'
import type { ReaderLimits } from '../turn-writer.js'

type Params = Plain<Sdk.ResponseCreateParamsBase>

/** `POST /responses`, without the members that are passed through. */
export type ResponsesBody = Omit<Params, 'input' | 'tools' | 'tool_choice'>
export type Includable = NonNullable<Params['include']>[number]
export type WireEffort = NonNullable<NonNullable<Params['reasoning']>['effort']>
export type WireFormat = NonNullable<NonNullable<Params['text']>['format']>
export type WireReasoning = Pick<ResponsesBody, 'reasoning'>

export type InputText = Plain<Sdk.ResponseInputText>
export type InputImage = Plain<Sdk.ResponseInputImage>
export type InputFile = Plain<Sdk.ResponseInputFile>
export type InputAudio = Plain<Sdk.ResponseInputAudio>
/** A part of ours, or a native one that is passed through. */
export type InputPart = JsonObject

/** An item of ours, of an earlier answer, or a native one. */
export type WireItem = JsonObject
export type WireItems = readonly WireItem[]
export type Phase = NonNullable<Plain<Sdk.EasyInputMessage>['phase']>
export type CallItem = Plain<Sdk.ResponseFunctionToolCall | Sdk.ResponseCustomToolCall>

/** The output items of built-in tools: one for each type of call. */
export type BuiltInOutput = Plain<
  | Sdk.ResponseInputItem.ComputerCallOutput
  | Sdk.ResponseInputItem.ShellCallOutput
  | Sdk.ResponseInputItem.LocalShellCallOutput
  | Sdk.ResponseInputItem.ApplyPatchCallOutput
  | Sdk.ResponseInputItem.McpApprovalResponse
>
/** Outputs of functions hold parts, those of tool search found tools, both untyped. */
export type OutputItem =
  | BuiltInOutput
  | (JsonObject & {
      readonly type: 'function_call_output' | 'custom_tool_call_output' | 'tool_search_output'
    })

/** A function of the app; tools are flat on this wire. */
export type WireFunction = Plain<Omit<Sdk.FunctionTool, 'strict'>>
/** One of these, or a native tool. */
export type WireTool = JsonObject

/** A mode, or an object that names tools. */
export type WireToolChoice = 'none' | 'auto' | 'required' | JsonObject

export { asList, asNumber, asString, asText } from '../../chat/index.js'

/** Infers a missing type from the content or the arguments. */
export function typed(item: WireItem): WireItem {
  if (item.type) return item
  if (item.content) return { ...item, type: 'message' }
  return item.name && item.arguments ? { ...item, type: 'function_call' } : item
}

// -- the servers of this wire ------------------------------------------------------------------------------------------

/** How one server of this wire differs from others. */
export interface Profile extends ReaderLimits {
  readonly provider: string
  capabilities(model: string): Capabilities
  /** Undefined if the efforts of a model are unknown. */
  effortsOf(model: string): readonly WireEffort[] | undefined
  readonly toError: ToError
  /** Undefined if the wire has none. */
  toUsage(wire: unknown): Usage | undefined

  /** The role of instructions; undefined: that of the message. */
  systemRole(model: string): 'system' | 'developer' | undefined
  readonly takesInlineFiles: boolean
  takesAudio(model: string): boolean
  /** Members of assistant messages that are sent unchanged. */
  readonly messageMembers: readonly string[]
  /** True if parts of the input may have explicit prompt-cache breakpoints. */
  takesCacheMarks(model: string): boolean

  /** How parameters are mapped; undefined: not sent. */
  readonly fields: Fields
  /** Loaded before `toolSchema` and `answerSchema` are called. */
  readonly schemas: OnDemand<unknown>
  toolSchema(schema: JsonObject, options: SchemaOptions): DialectSchema
  answerSchema(schema: JsonObject, options: SchemaOptions): DialectSchema
  /** True if reasoning is returned only as a requested summary, and the model writes one. */
  asksForSummary(model: string): boolean
  /** `temperature` and `top_p` are refused at any value. */
  samplesByItself(model: string): boolean
  /** Tools have `strict`. */
  readonly hasStrictTools: boolean
  /** A choice may name hosted tools, and a set of allowed tools. */
  readonly choosesFreely: boolean
  /** Accepted values of `include`; undefined: all. */
  readonly includable?: readonly Includable[]
  /** Accepted members of `web_search_options`; undefined: all. */
  readonly searchOptions?: readonly string[]
  /** The provider runs custom tool calls itself, as hosted tools. */
  readonly runsCustomCalls: boolean
}

export interface SchemaOptions {
  readonly strict: boolean
  readonly warn: SchemaWarn
}

export interface FieldContext extends Notes {
  readonly profile: Profile
}

/** Maps one parameter to members of the body. */
export type Field = (request: ChatRequest, context: FieldContext) => JsonObject

/** A parameter without a way is not sent. */
export type Fields = { readonly [Param in keyof ChatRequest]?: Field | undefined }
