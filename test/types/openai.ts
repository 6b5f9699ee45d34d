/** The bodies that we write are what the official SDK would write: a mismatch does not build. */
import type OpenAI from 'openai'
import type { AzureOpenAI } from 'openai'
import type { InputTokenCountParams } from 'openai/resources/responses/input-tokens'
import type {
  ResponseCreateParamsBase,
  ResponseInputAudio,
  ResponseInputItem,
  ResponseOutputMessage,
  Tool,
} from 'openai/resources/responses/responses'
import type { ResponsesClient } from '../../src/providers/openai/index.js'
import type {
  AssistantItem,
  InputAudio,
  InputItem,
  NativeItem,
  NativeTool,
  OutputItem,
  ResponsesBody,
  WireTool,
  WireToolChoice,
} from '../../src/providers/openai/wire.js'

/** The SDK's types are writable; ours are not. What goes through as it came is not ours to type. */
type Writable<T> = T extends InputAudio
  ? never
  : T extends readonly (infer Item)[]
    ? Writable<Exclude<Item, NativeItem | NativeTool>>[]
    : T extends object
      ? { -readonly [Key in keyof T]: Writable<T[Key]> }
      : T

type Own = Omit<ResponsesBody, 'input' | 'tools' | 'tool_choice'>

declare const body: Writable<Own>
export const params: ResponseCreateParamsBase = body

declare const counted: Writable<Pick<Own, 'model' | 'reasoning' | 'text' | 'previous_response_id'>>
export const countParams: InputTokenCountParams = counted

/** Found tools are in the app's own words, and an assistant turn has no id: the API takes it so, the type does not. */
type FoundTools = Extract<OutputItem, { type: 'tool_search_output' }>
declare const item: Writable<Exclude<InputItem, AssistantItem | FoundTools>>
export const input: ResponseInputItem = item

declare const assistant: Writable<AssistantItem>
export const role: ResponseOutputMessage['role'] = assistant.role
declare const said: Extract<Writable<AssistantItem['content'][number]>, { type: 'output_text' }>
export const output: Omit<
  Extract<ResponseOutputMessage['content'][number], { type: 'output_text' }>,
  'annotations'
> = said

declare const audio: InputAudio
export const sound: ResponseInputAudio = audio

declare const tool: Writable<WireTool>
export const definition: Tool = tool

declare const choice: Writable<Exclude<WireToolChoice, NativeTool>>
export const toolChoice: NonNullable<ResponseCreateParamsBase['tool_choice']> = choice

declare const official: OpenAI
export const client: ResponsesClient = official
declare const azure: AzureOpenAI
export const azureClient: ResponsesClient = azure

// ---- What must not build --------------------------------------------------------------------------------------------

declare const wrongEffort: Omit<Writable<Own>, 'reasoning'> & { reasoning: { effort: 'ultra' } }
// @ts-expect-error there is no such effort
export const badEffort: ResponseCreateParamsBase = wrongEffort

declare const wrongLimit: Omit<Writable<Own>, 'max_output_tokens'> & { max_output_tokens: string }
// @ts-expect-error a limit is a number
export const badLimit: ResponseCreateParamsBase = wrongLimit

declare const wrongPart: { role: 'user'; content: { type: 'text'; text: string }[] }
// @ts-expect-error a part of Chat Completions is none here
export const badPart: ResponseInputItem = wrongPart

declare const nested: { type: 'function'; function: { name: string } }
// @ts-expect-error tools are flat here
export const badTool: Tool = nested

// @ts-expect-error so are choices
export const badChoice: NonNullable<ResponseCreateParamsBase['tool_choice']> = nested
