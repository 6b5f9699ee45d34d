/** The Responses wire: what goes out in the types of the official SDK, what comes in read field by field. */
import type {
  EasyInputMessage,
  FunctionTool,
  ResponseCreateParamsBase,
  ResponseCustomToolCall,
  ResponseFunctionToolCall,
  ResponseInputAudio,
  ResponseInputFile,
  ResponseInputImage,
  ResponseInputItem,
  ResponseInputText,
} from 'openai/resources/responses/responses'
import type { Capabilities, ChatRequest, JsonObject, Usage } from '../../chat/index.js'
import type { DialectSchema, SchemaWarn } from '../../schema/index.js'
import type { ToError } from '../../transport/index.js'
import type { Notes } from '../notes.js'
import type { OnDemand } from '../on-demand.js'
import type { Plain } from '../plain.js'

type Params = Plain<ResponseCreateParamsBase>

/** `POST /responses`, without what passes in the caller's own words. */
export type ResponsesBody = Omit<Params, 'input' | 'tools' | 'tool_choice'>
export type Includable = NonNullable<Params['include']>[number]
export type WireEffort = NonNullable<NonNullable<Params['reasoning']>['effort']>
export type WireFormat = NonNullable<NonNullable<Params['text']>['format']>

export type InputText = Plain<ResponseInputText>
export type InputImage = Plain<ResponseInputImage>
export type InputFile = Plain<ResponseInputFile>
export type InputAudio = Plain<ResponseInputAudio>
/** A part of ours, or one in the API's own words that passes as it came. */
export type InputPart = JsonObject

/** An item of ours, of an earlier answer, or in the API's own words. */
export type WireItem = JsonObject
export type Phase = NonNullable<Plain<EasyInputMessage>['phase']>
export type CallItem = Plain<ResponseFunctionToolCall | ResponseCustomToolCall>

/** What answers a call of a built-in tool: each kind of call has its own. */
export type BuiltInOutput = Plain<
  | ResponseInputItem.ComputerCallOutput
  | ResponseInputItem.ShellCallOutput
  | ResponseInputItem.LocalShellCallOutput
  | ResponseInputItem.ApplyPatchCallOutput
  | ResponseInputItem.McpApprovalResponse
>

/** A tool of the app's; tools are flat here. */
export type WireFunction = Plain<Omit<FunctionTool, 'strict'>>
/** One of these, or a tool in the provider's own words. */
export type WireTool = JsonObject

/** Which tools may or must be called: a mode, or an object that names them. */
export type WireToolChoice = 'none' | 'auto' | 'required' | JsonObject

export { asList, asNumber, asString, asText } from '../../chat/index.js'

// -- the servers that speak it -----------------------------------------------------------------------------------------

/** What sets one server of this wire apart from another. */
export interface Profile {
  readonly provider: string
  capabilities(model: string): Capabilities
  /** Undefined where the efforts of a model are not known. */
  effortsOf(model: string): readonly WireEffort[] | undefined
  readonly toError: ToError
  /** Undefined where the wire told none. */
  toUsage(wire: unknown): Usage | undefined

  /** Under which role instructions go to a model; undefined: as the message says. */
  systemRole(model: string): 'system' | 'developer' | undefined
  readonly takesInlineFiles: boolean
  takesAudio(model: string): boolean
  /** Members of assistant messages that go out as they are. */
  readonly messageMembers: readonly string[]
  /** Explicit prompt-cache marks on parts of the input. */
  takesCacheMarks(model: string): boolean

  /** Parameters that are mapped in another way than OpenAI's; null: the wire has no place for it. */
  readonly fields?: Fields
  /** What the two below it stand on. */
  readonly schemas: OnDemand<unknown>
  toolSchema(schema: JsonObject, options: SchemaOptions): DialectSchema
  answerSchema(schema: JsonObject, options: SchemaOptions): DialectSchema
  /** Reasoning is shown only where a summary is asked for, and the model gives one. */
  asksForSummary(model: string): boolean
  /** `temperature` and `top_p` are refused, whatever they say. */
  samplesByItself(model: string): boolean
  /** Tools carry `strict`. */
  readonly saysStrict: boolean
  /** A choice may name hosted tools, and a selection of tools. */
  readonly choosesFreely: boolean
  /** What `include` may name; undefined: all. */
  readonly includable?: readonly Includable[]
  /** Of `web_search_options`, what the server's search takes; undefined: all. */
  readonly searchOptions?: readonly string[]
  /** The provider runs custom tool calls itself: they are hosted tools. */
  readonly runsCustomCalls: boolean
  /** Characters of one call's arguments. */
  readonly maxArgumentsLength: number
}

/** How a schema is to be written. */
export interface SchemaOptions {
  readonly strict: boolean
  readonly warn: SchemaWarn
}

/** For whom a request is written. */
export interface FieldContext extends Notes {
  readonly profile: Profile
}

/** @default of `maxArgumentsLength` */
export const maxArgumentsLengthDefault = 16 * 1024 * 1024

/** Maps one parameter to members of the body. */
export type Field = (request: ChatRequest, context: FieldContext) => JsonObject

/** A parameter that is null has no place on the wire. */
export type Fields = { readonly [Param in keyof ChatRequest]?: Field | null }
