/** `createClient`: a stack of middleware in front of providers. */
import type {
  ChatRequest,
  ChatResponse,
  FormatInput,
  Prices,
  ResponseFormat,
} from './chat/index.js'
import {
  type BadRequestError,
  type CallArgs,
  type Caller,
  type ChatStream,
  checkOrder,
  createCaller,
  isNamedLayer,
  type Layers,
  type Middleware,
  MisuseError,
  type Parsed,
  type PartialOf,
  type ProviderAdapter,
  toPricing,
} from './core/index.js'
import { createRegistry, type Registry } from './providers/index.js'
import { validateRequest } from './validate-request.js'

export interface ClientOptions<State> {
  readonly providers: readonly ProviderAdapter[]
  /**
   * Layers, outermost first; arrays, such as policies, are flattened. State is declared,
   * `createClient<{ userId: string }>`, never inferred from them.
   */
  readonly use?: readonly Layers<NoInfer<State>>[] | undefined
  /**
   * Prices of provider calls, for `usage.cost` of attempts, responses and `ctx` at every place of
   * the stack. `prices` of `tetrad/middleware/prices` is what the providers publish.
   * @default the prices of `usage()`, if the stack has it
   */
  readonly prices?: Prices | undefined
}

export interface Client<State = {}>
  extends Pick<Caller, 'countTokens' | 'capabilities' | 'costOf'> {
  /** One whole response. Throws a `TetradError`. */
  generate<Format extends FormatInput = ResponseFormat>(
    request: ChatRequest<Format>,
    ...args: CallArgs<State>
  ): Promise<ChatResponse & Parsed<Format>>
  /** A streamed response. The call starts at the first pull. */
  stream<Format extends FormatInput = ResponseFormat>(
    request: ChatRequest<Format>,
    ...args: CallArgs<State>
  ): ChatStream<Parsed<Format>, PartialOf<Format>>
  /**
   * Adds layers inside the existing ones, for later calls. Mutates this client, as in Koa, and
   * returns it.
   * Throws `MisuseError` for a value that is not a layer, for a second of a part allowed once, for
   * an invalid order, and for a model that a layer calls and no provider has.
   */
  use(...layers: readonly Layers<State>[]): this
  /** The stack, outermost first. */
  readonly layers: readonly Middleware<State>[]
}

/**
 * Creates a client of providers and layers. Runs only the given middleware. Throws as `use` does.
 *
 * @example
 * const ai = createClient({ providers: [openai()], use: [retry()] })
 * const reply = await ai.generate({ model: 'openai/gpt-5', messages: [{ role: 'user', content: 'Hi' }] })
 */
export function createClient<State = {}>(options: ClientOptions<State>): Client<State> {
  const layers: Middleware<State>[] = []
  const registry = createRegistry(options.providers)
  // the type of `use` checks that State fits; inside, all layers are alike
  const stack = () => [...layers] as unknown as readonly Middleware<never>[]
  const aliases = () => layers.flatMap(({ models = [] }) => models)
  const caller = createCaller(
    {
      resolve: (model) => registry.resolve(model, aliases),
      validateRequest,
      // loaded on demand: few calls read a partial structured answer
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
      checkTargets([...layers, ...all], registry)
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
    `Layer ${position + 1} is ${layer === null ? 'null' : typeof layer}, not a middleware function: pass (ctx, next) => …, and call a factory, such as retry()`,
  )
}

/** A model without a provider would be reported only when it is needed. */
function checkTargets(layers: readonly Middleware<never>[], registry: Registry): void {
  for (const [index, { name, targets = [] }] of layers.entries()) {
    const inside = layers.slice(index + 1)
    // a function of the app may resolve names of its own
    if (!inside.every(isNamedLayer)) continue
    const resolved = inside.flatMap(({ models = [] }) => models)
    for (const target of targets)
      if (!resolved.includes(target)) checkTarget(name, target, registry)
  }
}

function checkTarget(name: string, target: string, { resolve }: Registry): void {
  try {
    resolve(target)
  } catch (cause) {
    // resolve() throws nothing else
    const { message } = cause as BadRequestError
    throw new MisuseError(`The layer '${name}' calls a model without a provider. ${message}`, {
      code: 'unknown_model',
      cause,
    })
  }
}
