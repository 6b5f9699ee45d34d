/** The model that answers: MODEL, else one of the first provider whose key is set, else none. */
const byKey = {
  OPENAI_API_KEY: 'openai/gpt-5.1',
  ANTHROPIC_API_KEY: 'anthropic/claude-sonnet-4-5',
  GEMINI_API_KEY: 'gemini/gemini-2.5-flash',
  XAI_API_KEY: 'xai/grok-4',
}

const [, first] = Object.entries(byKey).find(([key]) => process.env[key]) ?? []

export const model = process.env.MODEL ?? first
