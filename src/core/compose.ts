/** The onion: runs the layers one inside the other, and enforces the rules of `next()`. */
import type { ChatResponse } from '../chat/index.js'
import type { Context, Middleware } from './context.js'
import { ignoreRejection } from './ignore-rejection.js'
import { editOf, LayerContext, type Run, type Slots } from './layer.js'
import type { Ledger } from './ledger.js'
import type { Scope } from './scope.js'

/** Runs the layers from `first` on inside `scope`. Resolves when the scope has a whole answer. */
export function runLayers(
  run: Run,
  first: number,
  scope: Scope,
  given: Slots,
  ledger: Ledger,
): Promise<void> {
  let slots = given
  for (let index = first; ; index++) {
    const middleware = run.layers[index]
    if (!middleware) return run.attempt(run, scope, slots, ledger)
    const layer = new LayerContext(run, index, scope, slots, ledger)
    const edit = editOf(middleware)
    if (!edit) return runLayer(run, index, middleware, layer)
    const editing = edit(layer)
    if (editing)
      return editing.then(() => {
        if (scope.fault) throw scope.fault
        return runLayers(run, index + 1, scope, layer.slots, ledger)
      })
    slots = layer.slots
  }
}

async function runLayer(
  run: Run,
  index: number,
  middleware: Middleware<never>,
  layer: LayerContext,
): Promise<void> {
  const inside = new Inside(layer, (scope) =>
    runLayers(run, index + 1, scope, layer.slots, layer.ledger),
  )
  try {
    // through unknown: State was checked when the layer was passed to the client
    await middleware(layer as unknown as Context<never>, inside.next)
  } catch (error) {
    await inside.unwind(error)
    throw error
  }
  const sending = inside.finish()
  if (sending) await sending
}

/**
 * The inside of one layer: `next()` runs it, one run at a time, and never after the layer has
 * ended.
 */
class Inside {
  private running: Promise<ChatResponse> | undefined
  private isDone = false

  constructor(
    private readonly layer: LayerContext,
    private readonly run: (scope: Scope) => Promise<void>,
  ) {}

  readonly next = (): Promise<ChatResponse> => {
    const { layer } = this
    if (layer.isRunning)
      return ignoreRejection(
        Promise.reject(layer.misuse('called next() again while the first call was running')),
      )
    if (this.isDone)
      return ignoreRejection(Promise.reject(layer.misuse('called next() after it returned')))
    this.running = ignoreRejection(this.answerOf(layer.begin()))
    return this.running
  }

  /** After a layer threw: its running inside is aborted and unwound first. */
  async unwind(error: unknown): Promise<void> {
    this.isDone = true
    if (!this.layer.isRunning) return
    this.layer.scope?.abort(error)
    await this.running?.catch(() => {})
  }

  /** After a layer returned: sends its answer, and throws if there is none. */
  finish(): void | Promise<void> {
    this.isDone = true
    if (this.layer.isRunning) return this.refuse('returned before its next() settled: await next()')
    const sending = this.layer.sendAnswer()
    return sending ? sending.then(() => this.checkAnswer()) : this.checkAnswer()
  }

  private async refuse(what: string): Promise<never> {
    const error = this.layer.misuse(what)
    await this.unwind(error)
    throw error
  }

  private checkAnswer(): void {
    const { layer } = this
    if (!layer.within.accumulator?.isComplete)
      throw layer.misuse('returned without an answer: call next(), or set ctx.response')
  }

  private async answerOf(scope: Scope): Promise<ChatResponse> {
    let answer: ChatResponse | undefined
    try {
      if (scope.fault) throw scope.fault
      await this.run(scope)
      if (scope.fault) throw scope.fault
      // run() resolves only with a whole answer
      answer = scope.response as ChatResponse
      return answer
    } catch (error) {
      await scope.drained()
      throw scope.outcome(error)
    } finally {
      this.layer.settle(answer)
    }
  }
}
