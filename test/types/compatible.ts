/**
 * Requests of `compatible` are assignable to the official client's types: a mismatch does not
 * compile.
 */
import type OpenAI from 'openai'
import type { ChatClient } from '../../src/providers/compatible/index.js'
import type {
  WireFormat,
  WireFunction,
  WireMediaPart,
  WireRequest,
  WireToolCall,
  WireToolChoice,
} from '../../src/providers/compatible/wire.js'

/** The official types, which are mutable, as readonly. */
type Mutable<T> = T extends readonly (infer Item)[]
  ? Mutable<Item>[]
  : T extends object
    ? { -readonly [Key in keyof T]: Mutable<T[Key]> }
    : T

type Fits<Ours, Theirs> = Mutable<Ours> extends Theirs ? true : { misfit: Ours }
const holds = <_Claim extends true>() => {}

type Official = OpenAI.ChatCompletionCreateParams

holds<Fits<{ type: 'function'; function: WireFunction }, OpenAI.ChatCompletionTool>>()
holds<Fits<WireToolCall, OpenAI.ChatCompletionMessageToolCall>>()
holds<Fits<WireToolChoice, OpenAI.ChatCompletionToolChoiceOption>>()
holds<Fits<WireFormat, NonNullable<Official['response_format']>>>()
holds<Fits<WireMediaPart, OpenAI.ChatCompletionContentPart>>()
// messages and tools may have provider-specific members
type Own = Omit<WireRequest, 'messages' | 'tools' | 'stream'>
type Rest = Pick<OpenAI.ChatCompletionCreateParamsNonStreaming, 'messages' | 'tools'>
holds<Fits<Own & Rest & { stream: true }, OpenAI.ChatCompletionCreateParamsStreaming>>()
holds<Fits<Own & Rest, OpenAI.ChatCompletionCreateParamsNonStreaming>>()

declare const official: OpenAI
export const client: ChatClient = official

// every name we use is one of theirs
holds<Exclude<keyof WireRequest, keyof Official> extends never ? true : false>()

// @ts-expect-error a wrong name does not compile
holds<Fits<{ role: 'wizard'; content: string }, OpenAI.ChatCompletionMessageParam>>()
