/**
 * The bodies that we write are assignable to the official SDK's types: a mismatch does not compile.
 */
import type OpenAI from 'openai'
import type { AzureOpenAI } from 'openai'
import type { InputTokenCountParams } from 'openai/resources/responses/input-tokens'
import type {
  ResponseCreateParamsBase,
  ResponseInputAudio,
  ResponseInputItem,
  Tool,
} from 'openai/resources/responses/responses'
import type { ResponsesClient } from '../../src/providers/openai/index.js'
import type {
  BuiltInOutput,
  CallItem,
  InputAudio,
  InputFile,
  InputImage,
  InputText,
  Phase,
  ResponsesBody,
  WireFunction,
  WireToolChoice,
} from '../../src/providers/openai/wire.js'

/** The SDK's types are mutable; ours are not. */
type Writable<T> = T extends readonly (infer Item)[]
  ? Writable<Item>[]
  : T extends object
    ? { -readonly [Key in keyof T]: Writable<T[Key]> }
    : T

type Own = ResponsesBody

declare const body: Writable<Own>
export const params: ResponseCreateParamsBase = body

declare const counted: Writable<Pick<Own, 'model' | 'reasoning' | 'text' | 'previous_response_id'>>
export const countParams: InputTokenCountParams = counted

/** Known parts and items are checked one by one: provider-specific ones are passed through. */
declare const parts: Writable<InputText | InputImage | InputFile>[]
declare const phase: Phase
export const message: ResponseInputItem = { role: 'user', content: parts, phase }
declare const item: Writable<CallItem | BuiltInOutput>
export const input: ResponseInputItem = item

declare const audio: InputAudio
export const sound: ResponseInputAudio = audio

declare const tool: Writable<WireFunction>
export const definition: Tool = { ...tool, strict: true }

declare const choice: Extract<WireToolChoice, string>
export const toolChoice: NonNullable<ResponseCreateParamsBase['tool_choice']> = choice

declare const official: OpenAI
export const client: ResponsesClient = official
declare const azure: AzureOpenAI
export const azureClient: ResponsesClient = azure

// ---- What must not compile ----------------------------------------------------------------------

declare const wrongEffort: Omit<Writable<Own>, 'reasoning'> & { reasoning: { effort: 'ultra' } }
// @ts-expect-error there is no such effort
export const badEffort: ResponseCreateParamsBase = wrongEffort

declare const wrongLimit: Omit<Writable<Own>, 'max_output_tokens'> & { max_output_tokens: string }
// @ts-expect-error a limit is a number
export const badLimit: ResponseCreateParamsBase = wrongLimit

declare const wrongPart: { role: 'user'; content: { type: 'text'; text: string }[] }
// @ts-expect-error a part of Chat Completions is invalid here
export const badPart: ResponseInputItem = wrongPart

declare const nested: { type: 'function'; function: { name: string } }
// @ts-expect-error tools are flat here
export const badTool: Tool = nested

// @ts-expect-error so are choices
export const badChoice: NonNullable<ResponseCreateParamsBase['tool_choice']> = nested
