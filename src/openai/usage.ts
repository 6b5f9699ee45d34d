/** Usage under OpenAI's names. */
import type { Usage } from '../chat/index.js'
import type { CompletionUsage } from './types.js'

/** The same numbers; cache writes also under OpenAI's name. */
export function asOpenAIUsage({
  prompt_tokens_details: details,
  ...usage
}: Usage): CompletionUsage {
  if (!details) return usage
  const { cache_creation_tokens: cache_write_tokens } = details
  return {
    ...usage,
    prompt_tokens_details: {
      ...details,
      ...(cache_write_tokens !== undefined && { cache_write_tokens }),
    },
  }
}
