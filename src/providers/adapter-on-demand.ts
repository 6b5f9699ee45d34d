/** An adapter whose name and capabilities are there at once; the first call imports the rest. */
import type { ChatRequest, StreamChunk } from '../chat/index.js'
import { type Call, MisuseError, type ProviderAdapter } from '../core/index.js'
import { onDemand } from '../core/on-demand.js'

/** Facts known before the import. */
export interface AdapterFacts
  extends Required<Pick<ProviderAdapter, 'name' | 'models' | 'capabilities'>> {
  /** True if it has `countTokens`. */
  readonly counts: boolean
}

export function adapterOnDemand(
  { counts, ...facts }: AdapterFacts,
  make: () => Promise<ProviderAdapter>,
): ProviderAdapter {
  const adapter = onDemand(make)
  const ready = async (call: Call) => {
    await adapter.load(call)
    return adapter.part
  }
  async function* firstStream(
    request: ChatRequest,
    call: Call,
  ): AsyncGenerator<StreamChunk | readonly StreamChunk[]> {
    yield* (await ready(call)).generateStream(request, call)
  }
  return {
    ...facts,
    hasTimers: true,
    convertMessages: (messages, model) => adapter.part.convertMessages?.(messages, model),
    async generate(request, call) {
      const { generate = missing } = await ready(call)
      return generate(request, call)
    },
    generateStream: (request, call) =>
      adapter.isLoaded ? adapter.part.generateStream(request, call) : firstStream(request, call),
    ...(counts && {
      async countTokens(request: ChatRequest, call: Call) {
        const { countTokens = missing } = await ready(call)
        return countTokens(request, call)
      },
    }),
  }
}

function missing(): never {
  throw new MisuseError(
    'An adapter that is imported on demand does not have the methods that were declared',
  )
}
