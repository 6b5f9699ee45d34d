/**
 * Our OpenAI responses are what the official client reads, and its requests are bodies whose keys
 * we know.
 */
import type OpenAI from 'openai'
import type {
  ChatCompletion,
  ChatCompletionChunk,
  CompletionUsage,
  OpenAIErrorBody,
} from '../../src/openai/index.js'

type Mutable<T> = T extends readonly (infer Item)[]
  ? Mutable<Item>[]
  : T extends object
    ? { -readonly [Key in keyof T]: Mutable<T[Key]> }
    : T

type Fits<Ours, Theirs> = Mutable<Ours> extends Theirs ? true : { misfit: Ours }
const holds = <_Claim extends true>() => {}

type Message = ChatCompletion['choices'][0]['message']
type OfficialMessage = OpenAI.ChatCompletionMessage
type Delta = ChatCompletionChunk['choices'][number]['delta']
type OfficialDelta = OpenAI.ChatCompletionChunk.Choice.Delta

holds<Fits<CompletionUsage, OpenAI.CompletionUsage>>()
holds<Fits<OpenAIErrorBody['error'], OpenAI.ErrorObject>>()

// positions of a source, and details of audio, are optional here
holds<
  Fits<Omit<Message, 'annotations' | 'audio'>, Omit<OfficialMessage, 'annotations' | 'audio'>>
>()
// tiers of other providers have other names
holds<
  Fits<
    Omit<ChatCompletion, 'choices' | 'service_tier'>,
    Omit<OpenAI.ChatCompletion, 'choices' | 'service_tier'>
  >
>()
// the official delta has no custom calls yet, though the API sends them
holds<Fits<Pick<Delta, 'role' | 'content' | 'refusal'>, OfficialDelta>>()
holds<
  Fits<
    Omit<ChatCompletionChunk, 'choices' | 'service_tier'>,
    Omit<OpenAI.ChatCompletionChunk, 'choices' | 'service_tier'>
  >
>()
holds<
  Fits<
    ChatCompletionChunk['choices'][number]['finish_reason'],
    OpenAI.ChatCompletionChunk.Choice['finish_reason']
  >
>()
