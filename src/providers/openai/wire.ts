/** The Responses wire: what goes out, typed to fit the official SDK; what comes in, read field by field. */
import type { Capabilities, ChatRequest, JsonObject, Usage, Warning } from '../../chat/index.js'
import type { DialectSchema, SchemaWarn } from '../../schema/index.js'
import type { ToError } from '../../transport/index.js'
import type { OnDemand } from '../on-demand.js'

// -- out ---------------------------------------------------------------------------------------------------------------

/** `POST /responses`. Keys that a caller adds of his own (`extra_body`) stand beside these. */
export interface ResponsesBody {
  readonly model: string
  readonly input: readonly (InputItem | NativeItem)[]
  readonly stream?: boolean
  readonly store?: boolean
  readonly include?: readonly Includable[]
  readonly max_output_tokens?: number
  readonly temperature?: number
  readonly top_p?: number
  readonly top_logprobs?: number
  readonly tools?: readonly (WireTool | NativeTool)[]
  readonly tool_choice?: WireToolChoice
  readonly parallel_tool_calls?: boolean
  readonly reasoning?: WireReasoning
  readonly text?: WireText
  readonly metadata?: Readonly<Record<string, string>>
  readonly service_tier?: 'auto' | 'default' | 'flex' | 'scale' | 'priority'
  readonly safety_identifier?: string
  readonly prompt_cache_key?: string
  readonly previous_response_id?: string
}

/** What an answer may hold beside its text, of what this package asks for. */
export type Includable =
  | 'reasoning.encrypted_content'
  | 'message.output_text.logprobs'
  | 'web_search_call.action.sources'
  | 'code_interpreter_call.outputs'
  | 'file_search_call.results'

/** How much a model reasons, and whether it shows it. */
export interface WireReasoning {
  readonly effort?: WireEffort
  readonly summary?: 'auto' | 'concise' | 'detailed'
}

/** `ReasoningEffort` of the SDK. */
export type WireEffort = 'none' | 'minimal' | 'low' | 'medium' | 'high' | 'xhigh' | 'max'

/** Form and length of the text. */
export interface WireText {
  readonly format?: WireFormat
  readonly verbosity?: 'low' | 'medium' | 'high'
}

/** Structured outputs: `ResponseFormatTextConfig` of the SDK. */
export type WireFormat =
  | { readonly type: 'text' }
  | { readonly type: 'json_object' }
  | {
      readonly type: 'json_schema'
      readonly name: string
      readonly schema: Readonly<Record<string, unknown>>
      readonly strict: boolean
      readonly description?: string
    }

/** What the input is made of, beside items of earlier answers. */
export type InputItem = MessageItem | CallItem | OutputItem

/** A turn in words. */
export type MessageItem =
  | {
      readonly role: 'user' | 'system' | 'developer'
      readonly content: string | readonly InputPart[]
    }
  | AssistantItem

/** The API takes an assistant turn without the id that the SDK's type asks for. */
export interface AssistantItem {
  readonly role: 'assistant'
  readonly content: readonly (
    | { readonly type: 'output_text'; readonly text: string }
    | { readonly type: 'refusal'; readonly refusal: string }
  )[]
  readonly phase?: 'commentary' | 'final_answer'
}

/** A part of what the user or a tool says. */
export type InputPart = InputText | InputImage | InputFile | InputAudio

interface CacheMark {
  readonly prompt_cache_breakpoint?: { readonly mode: 'explicit' }
}

/** Text. */
export interface InputText extends CacheMark {
  readonly type: 'input_text'
  readonly text: string
}

/** An image by address, data URI or id. */
export interface InputImage extends CacheMark {
  readonly type: 'input_image'
  readonly detail: 'low' | 'high' | 'auto' | 'original'
  readonly image_url?: string
  readonly file_id?: string
}

/** A document by id, address or data URI. */
export interface InputFile extends CacheMark {
  readonly type: 'input_file'
  readonly file_id?: string
  readonly file_url?: string
  readonly file_data?: string
  readonly filename?: string
  readonly detail?: 'auto' | 'low' | 'high'
}

/** Typed for the API's audio models only; the SDK has it beside the parts of a message, not among them. */
export interface InputAudio {
  readonly type: 'input_audio'
  readonly input_audio: { readonly data: string; readonly format: 'mp3' | 'wav' }
}

/** A call of an earlier turn, written anew. */
export type CallItem =
  | {
      readonly type: 'function_call'
      readonly call_id: string
      readonly name: string
      readonly arguments: string
    }
  | {
      readonly type: 'custom_tool_call'
      readonly call_id: string
      readonly name: string
      readonly input: string
    }

/** What a tool gave. */
export type ToolOutput = string | readonly Exclude<InputPart, InputAudio>[]

/** What answers a call: each kind of call has its own. */
export type OutputItem =
  | {
      readonly type: 'function_call_output' | 'custom_tool_call_output'
      readonly call_id: string
      readonly output: ToolOutput
    }
  | {
      readonly type: 'computer_call_output'
      readonly call_id: string
      readonly output: {
        readonly type: 'computer_screenshot'
        readonly image_url?: string
        readonly file_id?: string
      }
      readonly acknowledged_safety_checks?: readonly { readonly id: string }[]
    }
  | {
      readonly type: 'shell_call_output'
      readonly call_id: string
      readonly output: readonly {
        readonly stdout: string
        readonly stderr: string
        readonly outcome:
          | { readonly type: 'exit'; readonly exit_code: number }
          | { readonly type: 'timeout' }
      }[]
    }
  | {
      readonly type: 'local_shell_call_output'
      readonly id: string
      readonly call_id: string
      readonly output: string
    }
  | {
      readonly type: 'apply_patch_call_output'
      readonly call_id: string
      readonly status: 'completed' | 'failed'
      readonly output?: string
    }
  | {
      readonly type: 'tool_search_output'
      readonly call_id: string
      readonly execution: 'client'
      readonly status: 'completed'
      readonly tools: readonly NativeTool[]
    }
  | {
      readonly type: 'mcp_approval_response'
      readonly approval_request_id: string
      readonly approve: boolean
      readonly reason?: string
    }

/** An item of an earlier answer, sent back as it came. */
export type NativeItem = JsonObject & { readonly [native]?: 'item' }
/** A tool in the provider's own words. */
export type NativeTool = JsonObject & { readonly [native]?: 'tool' }
declare const native: unique symbol

/** A tool the app runs; tools are flat here. */
export type WireTool =
  | {
      readonly type: 'function'
      readonly name: string
      readonly description?: string
      readonly parameters: Readonly<Record<string, unknown>>
      readonly strict: boolean
    }
  | {
      readonly type: 'custom'
      readonly name: string
      readonly description?: string
      readonly format?: CustomFormat
    }

/** What the free text of a custom tool must look like. */
export type CustomFormat =
  | { readonly type: 'text' }
  | {
      readonly type: 'grammar'
      readonly syntax: 'lark' | 'regex'
      readonly definition: string
    }

/** Which tools may or must be called. */
export type WireToolChoice =
  | 'none'
  | 'auto'
  | 'required'
  | { readonly type: 'function'; readonly name: string }
  | { readonly type: 'custom'; readonly name: string }
  | {
      readonly type: 'allowed_tools'
      readonly mode: 'auto' | 'required'
      readonly tools: readonly Readonly<Record<string, unknown>>[]
    }
  | NativeTool

// -- in ----------------------------------------------------------------------------------------------------------------

/** An item of `output`, as it came. */
export type WireItem = JsonObject

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

/** For whom a parameter is mapped. */
export interface FieldContext {
  readonly profile: Profile
  readonly model: string
  readonly warn: Warn
}

/** @default of `maxArgumentsLength` */
export const maxArgumentsLengthDefault = 16 * 1024 * 1024

/** Maps one parameter to members of the body. */
export type Field = (request: ChatRequest, context: FieldContext) => JsonObject

/** A parameter that is null has no place on the wire. */
export type Fields = { readonly [Param in keyof ChatRequest]?: Field | null }

/** Tells what was changed or left out. */
export type Warn = (warning: Warning) => void
