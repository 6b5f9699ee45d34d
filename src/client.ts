/** `createClient`: a stack of middleware in front of some providers. */
import type {
  ChatRequest,
  ChatResponse,
  FormatInput,
  Prices,
  ResponseFormat,
} from './chat/index.js'
import {
  type CallArgs,
  type Caller,
  type ChatStream,
  checkOrder,
  createCaller,
  type Layers,
  type Middleware,
  MisuseError,
  type Parsed,
  type PartialOf,
  type ProviderAdapter,
  toPricing,
} from './core/index.js'
import { createRegistry } from './providers/index.js'
import { validateRequest } from './validate-request.js'

export interface ClientOptions<State> {
  readonly providers: readonly ProviderAdapter[]
  /** Layers, outermost first; what is given as an array, as a policy may be, is taken apart. State is written, `createClient<{ userId: string }>`, never guessed from them. */
  readonly use?: readonly Layers<NoInfer<State>>[] | undefined
  /**
   * What provider calls cost: `usage.cost` of attempts, answers and `ctx` at every place of the stack. `prices` of
   * `tetrad/middleware/prices` is what the providers publish. @default what `usage()` finds, where the stack has it
   */
  readonly prices?: Prices | undefined
}

export interface Client<State = {}>
  extends Pick<Caller, 'countTokens' | 'capabilities' | 'costOf'> {
  /** One whole answer. Throws a `TetradError`. */
  generate<Format extends FormatInput = ResponseFormat>(
    request: ChatRequest<Format>,
    ...args: CallArgs<State>
  ): Promise<ChatResponse & Parsed<Format>>
  /** An answer as it comes. The call starts at the first pull. */
  stream<Format extends FormatInput = ResponseFormat>(
    request: ChatRequest<Format>,
    ...args: CallArgs<State>
  ): ChatStream<Parsed<Format>, PartialOf<Format>>
  /**
   * Adds layers inside those that are there, for later calls. Edits this client, as in Koa, and returns it.
   * Throws `MisuseError` for what is no layer, for two of a part that must be one, and for an order that cannot work.
   */
  use(...layers: readonly Layers<State>[]): this
  /** The stack, outermost first. */
  readonly layers: readonly Middleware<State>[]
}

/**
 * Makes a client of providers and layers. It runs only the middleware it was given. Throws as `use` does.
 *
 * @example
 * const ai = createClient({ providers: [openai()], use: [retry()] })
 * const reply = await ai.generate({ model: 'openai/gpt-5', messages: [{ role: 'user', content: 'Hi' }] })
 */
export function createClient<State = {}>(options: ClientOptions<State>): Client<State> {
  const layers: Middleware<State>[] = []
  const registry = createRegistry(options.providers)
  // that State fits is checked by the type of `use`; inside, a layer is a layer
  const stack = () => [...layers] as unknown as readonly Middleware<never>[]
  const aliases = () => layers.flatMap(({ models = [] }) => models)
  const caller = createCaller(
    {
      resolve: (model) => registry.resolve(model, aliases),
      validateRequest,
      // few calls read a structured answer while it grows
      partialReader: async () => (await import('./schema/partial-json.js')).createPartialReader(),
      pricing: options.prices && toPricing(options.prices),
    },
    stack,
  )
  const client: Client<State> = {
    generate: (request, ...[callOptions]) => caller.generate(request, callOptions),
    stream: (request, ...[callOptions]) => caller.stream(request, callOptions),
    countTokens: caller.countTokens,
    capabilities: caller.capabilities,
    costOf: caller.costOf,
    use(...added) {
      const all = added.flat()
      all.forEach(checkLayer)
      checkOrder([...layers, ...all])
      layers.push(...all)
      return client
    },
    get layers() {
      return [...layers]
    },
  }
  return client.use(...(options.use ?? []))
}

function checkLayer(layer: unknown, position: number): void {
  if (typeof layer === 'function') return
  throw new MisuseError(
    `Layer ${position + 1} is no middleware but ${layer === null ? 'null' : typeof layer}: a middleware is a function (ctx, next) => …; a factory must be called, retry()`,
  )
}
