/** The types of a tool, and the map by which a call finds it. */
import {
  type CacheControl,
  defined,
  type FunctionTool,
  type JsonObject,
  type StandardSchema,
} from '../../src/chat/index.js'
import { type Context, MisuseError } from '../../src/core/index.js'
import { isStandardSchema, toJsonSchema } from '../../src/schema/index.js'

/**
 * A Standard Schema that provides JSON Schema (zod 4, arktype; valibot through its adapter), or
 * JSON Schema itself.
 */
export type ToolParameters = StandardSchema<unknown, unknown> | JsonObject

/** The argument of `execute`: the output of the schema, else the JSON object as received. */
export type ToolArguments<Parameters> =
  Parameters extends StandardSchema<unknown, infer Output> ? Output : JsonObject

/** The second argument of `execute`. */
export interface ToolRun<State = {}> {
  /**
   * Context of the `tools` layer: `ctx.state` is the client's, `ctx.emit({ type: 'data', … })`
   * emits progress, `ctx.client` calls a model: these calls end with the run's `signal`.
   */
  readonly ctx: Context<State>
  /** Fires when the call is aborted, and when the tool times out. */
  readonly signal: AbortSignal
  readonly tool_call_id: string
}

/** A function that a model may call. */
export interface Tool<Parameters = unknown, State = {}> {
  /** Required in an array only. */
  readonly name?: string
  readonly description?: string
  /** @default an object of any members */
  readonly parameters?: Parameters & ToolParameters
  /** Asks the provider to enforce the schema, if it can. */
  readonly strict?: boolean
  readonly cache_control?: CacheControl
  /** Stops the loop until a person has approved the call. @default false */
  readonly needsApproval?:
    | boolean
    | ((args: ToolArguments<Parameters>, run: ToolRun<State>) => boolean | Promise<boolean>)
  /** Milliseconds. @default `timeoutMs` of tools() */
  readonly timeoutMs?: number
  /**
   * A string is sent to the model as it is, anything else as JSON, an exception as an error result.
   */
  readonly execute: (args: ToolArguments<Parameters>, run: ToolRun<State>) => unknown
}

/** A tool of any parameters: called only by the loop, with validated arguments. */
export interface AnyTool<State = {}>
  extends Omit<Tool, 'parameters' | 'needsApproval' | 'execute'> {
  readonly parameters?: ToolParameters
  readonly needsApproval?: boolean | ToolFunction<State, boolean | Promise<boolean>>
  readonly execute: ToolFunction<State, unknown>
}

/**
 * The first half is a method, so that its parameters are compared bivariantly: the arguments of a
 * function written without inference have no members (those of `unknown` would be `any`). The
 * second half accepts a function of any arguments, checks its State, and infers State.
 */
type ToolFunction<State, Result> = {
  method(args: {} | null | undefined, run: never): Result
}['method'] &
  ((args: never, run: ToolRun<State>) => Result)

/** By name, or as a list of tools that have one. */
export type Tools<State = {}> =
  | Readonly<Record<string, AnyTool<State>>>
  | readonly (AnyTool<State> & { readonly name: string })[]

/** Tools by name, each with the arguments of its own schema. */
export type ToolsOf<Parameters, State> = {
  readonly [Name in keyof Parameters]: Tool<Parameters[Name], State>
}

/** A list of tools, each with the arguments of its own schema. */
export type ToolListOf<Parameters extends readonly unknown[], State> = {
  readonly [Index in keyof Parameters]: Tool<Parameters[Index], State> & { readonly name: string }
}

/**
 * The tools of a call, called once for each: type the arguments of tools written here by `tool()`.
 */
export type ToolsFor<State = {}> = (ctx: Context<State>) => Tools<State> | Promise<Tools<State>>

/**
 * Infers the arguments of a tool that is written outside of `tools()`, or in a function. Its State
 * is that of the client it is written in, or of its `run`.
 *
 * @example
 * const plan = tool({
 *   parameters: z.object({ city: z.string() }),
 *   execute: ({ city }, { ctx }: ToolRun<{ userId: string }>) => book(city, ctx.state.userId),
 * })
 */
export const tool = <Parameters = unknown, State = {}>(
  tool: Tool<Parameters, State>,
): Tool<Parameters, State> => tool

/** A tool under the name that the model knows. */
export interface OwnTool extends AnyTool<never> {
  readonly definition: FunctionTool
}

/**
 * Tools by the name the model sent: a Map, since a name may equal a member of `Object.prototype`.
 */
export type Toolbox = ReadonlyMap<string, OwnTool>

/** Throws `MisuseError` for a tool without a name or without `execute`, and for duplicate names. */
export function toToolbox(tools: Tools<never>): Toolbox {
  const named = Array.isArray(tools)
    ? tools.map((tool: AnyTool<never>) => [tool.name, tool] as const)
    : Object.entries(tools)
  const box = new Map<string, OwnTool>()
  for (const [name, tool] of named) {
    if (!name) throw new MisuseError('A tool in an array needs a name')
    if (box.has(name)) throw new MisuseError(`Two tools are named '${name}'`)
    if (typeof tool?.execute !== 'function')
      throw new MisuseError(
        `The tool '${name}' has no execute(): put a tool that the page or another program runs into the tools of the request`,
      )
    box.set(name, { ...tool, definition: toDefinition(name, tool) })
  }
  return box
}

const toDefinition = (name: string, tool: AnyTool<never>): FunctionTool => ({
  type: 'function',
  function: {
    name,
    parameters: toSchema(tool.parameters),
    ...defined({ description: tool.description, strict: tool.strict }),
  },
  ...defined({ cache_control: tool.cache_control }),
})

function toSchema(parameters: ToolParameters = { type: 'object', properties: {} }): JsonObject {
  return isStandardSchema(parameters) ? toJsonSchema(parameters) : parameters
}
