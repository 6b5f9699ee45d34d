/**
 * Service tiers, as factors on the standard rates: maintained by hand, since genai-prices lacks
 * them.
 */

/**
 * Models, tier, factor; the first match counts. A tier without a row that is not in `standardTiers`
 * is unknown.
 */
export type TierRow = readonly [models: RegExp, tier: string, factor: number]

/**
 * OpenAI: https://openai.com/api-priority-processing, flex at half price
 * (https://developers.openai.com/api/docs/pricing).
 * Gemini: https://ai.google.dev/gemini-api/docs/optimization (flex), notes in genai-prices
 * (priority).
 * GPT-6: fast twice, ultrafast six times (https://docs.litellm.ai/docs/providers/openai/ultrafast);
 * a fast request may be reported as priority.
 * Anthropic: batches at half price (https://platform.claude.com/docs/en/about-claude/pricing),
 * `speed: 'fast'` twice; priority is prepaid, and consumed at the standard weights.
 */
export const tiers: Readonly<Record<string, readonly TierRow[]>> = {
  openai: [
    [/./, 'flex', 0.5],
    [/./, 'batch', 0.5],
    [/^gpt-6/, 'fast', 2],
    [/^gpt-6/, 'priority', 2],
    [/^gpt-6/, 'ultrafast', 6],
    [/^gpt-5\.5/, 'priority', 2.5],
    [/^gpt-5-mini/, 'priority', 1.8],
    [/^gpt-5|^gpt-4\.1-nano/, 'priority', 2],
    [/^gpt-4\.1|^o3/, 'priority', 1.75],
    [/^gpt-4o-mini/, 'priority', 5 / 3],
    [/^gpt-4o/, 'priority', 1.7],
    [/^o4-mini/, 'priority', 20 / 11],
  ],
  anthropic: [
    [/./, 'batch', 0.5],
    [/./, 'priority', 1],
    [/^claude-opus-5(-\d{8})?$/, 'fast', 2],
  ],
  gemini: [
    [/./, 'flex', 0.5],
    [/./, 'batch', 0.5],
    [/^gemini-3\.[78]-flash/, 'priority', 1.8],
  ],
}

/** Tiers at the standard rates, as named in a request or an answer; `auto` is not yet decided. */
export const standardTiers: ReadonlySet<string> = new Set([
  'auto',
  'default',
  'standard',
  'standard_only',
])
