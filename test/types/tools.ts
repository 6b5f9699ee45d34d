/**
 * The parameters of a tool's functions: arguments of its schema, State of its client, wherever it
 * is defined.
 */
import { z } from 'zod'
import { standard } from '../../middleware/standard.js'
import { type Tool, type ToolRun, tool, tools } from '../../middleware/tools.js'
import type { JsonObject } from '../../src/chat/index.js'
import { createClient } from '../../src/client.js'

type Equal<A, B> =
  (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false
const check = <_ extends true>() => {}

interface State {
  readonly userId: string
}
const parameters = z.object({ city: z.string() })
const providers = [] as const

// in standard(): by its schema, by a plain JSON Schema, without one
createClient<State>({
  providers,
  use: standard({
    aliases: { fast: 'openai/gpt-5-mini' },
    tools: {
      weather: {
        parameters,
        needsApproval: ({ city }, { ctx }) => {
          check<Equal<typeof city, string>>()
          return ctx.state.userId === city
        },
        execute: ({ city }, run) => {
          check<Equal<typeof city, string>>()
          check<Equal<typeof run.ctx.state, Readonly<State>>>()
        },
      },
      plain: {
        parameters: { type: 'object', properties: { city: { type: 'string' } } },
        execute: (args, { ctx }) => {
          check<Equal<typeof args, JsonObject>>()
          check<Equal<typeof ctx.state, Readonly<State>>>()
        },
      },
      none: { execute: (args) => check<Equal<typeof args, JsonObject>>() },
    },
    toolLoop: { approvalScope: (ctx) => ctx.state.userId },
  }),
})

// as a list, beside layers of the app
createClient<State>({
  providers,
  use: [
    standard({
      tools: [
        {
          name: 'weather',
          parameters,
          execute: ({ city }, run) => {
            check<Equal<typeof city, string>>()
            check<Equal<typeof run.ctx.state, Readonly<State>>>()
          },
        },
      ],
    }),
    (ctx, next) => {
      check<Equal<typeof ctx.state, Readonly<State>>>()
      return next()
    },
  ],
})

// in tools(): the same
createClient<State>({
  providers,
  use: [
    tools({
      weather: {
        parameters,
        execute: ({ city }, run) => {
          check<Equal<typeof city, string>>()
          check<Equal<typeof run.ctx.state, Readonly<State>>>()
        },
      },
    }),
  ],
}).use(
  tools([{ name: 'again', parameters, execute: ({ city }, { ctx }) => city + ctx.state.userId }], {
    maxSteps: 2,
  }),
)

// in tool(): where the client is known, where a State is annotated, and where only `run` declares
// it
createClient<State>({
  providers,
  use: standard({
    tools: {
      weather: tool({
        parameters,
        execute: ({ city }, run) => {
          check<Equal<typeof city, string>>()
          check<Equal<typeof run.ctx.state, Readonly<State>>>()
        },
      }),
    },
  }),
})
const weather = tool({
  parameters,
  needsApproval: ({ city }) => city === 'Rome',
  execute: ({ city }, { ctx }: ToolRun<State>) => city + ctx.state.userId,
})
check<Equal<typeof weather, Tool<typeof parameters, State>>>()
const plain = tool({
  execute: (args, run) => {
    check<Equal<typeof args, JsonObject>>()
    check<Equal<typeof run.ctx.state, Readonly<{}>>>()
  },
})
standard<State>({
  tools: {
    weather,
    plain,
    inline: tool({
      parameters,
      execute: ({ city }, run) => {
        check<Equal<typeof city, string>>()
        check<Equal<typeof run.ctx.state, Readonly<State>>>()
      },
    }),
  },
})

// in an asynchronous function of the call
const nameless = { parameters, execute: () => 1 }
for (const given of [
  standard<State>({ tools: (ctx) => (ctx.state.userId ? { weather, plain } : {}) }),
  [tools<State>(async (ctx) => (ctx.state.userId ? { weather } : {}))],
])
  createClient<State>({ providers, use: given })
createClient<State>({
  providers,
  use: standard({
    tools: ({ state }) => ({
      weather: tool({
        parameters,
        execute: ({ city }, run) => {
          check<Equal<typeof city, string>>()
          check<Equal<typeof run.ctx.state, Readonly<State>>>()
          return state.userId
        },
      }),
    }),
  }),
})

// a tool requires the state of its client
// @ts-expect-error this client has no userId
createClient({ providers, use: standard({ tools: { weather } }) })
// @ts-expect-error this client has no userId
createClient({ providers, use: [tools({ weather })] })
// @ts-expect-error this State has no userId
standard<{ plan: string }>({ tools: { weather } })
// @ts-expect-error this State has no userId
tools<{ plan: string }>(() => ({ weather }))
createClient<State>({ providers, use: [standard({ tools: { plain } }), tools({ weather, plain })] })

// a name that the schema lacks is no argument
// @ts-expect-error town
standard({ tools: { weather: { parameters, execute: ({ town }) => town } } })
// @ts-expect-error town
tools({ weather: { parameters, execute: ({ town }) => town } })
// @ts-expect-error town
tools([{ name: 'weather', parameters, execute: ({ town }) => town }])
// @ts-expect-error town
tool({ parameters, execute: ({ town }) => town })
// @ts-expect-error a city is a string
tool({ parameters, execute: (args: { city: number }) => args.city })

// without inference, arguments have no members, and tool() types them
const shout = z.object({ text: z.string() }).transform(({ text }) => text.toUpperCase())
const maybe = z.object({}).transform((): string | undefined => undefined)
standard<State>({
  tools: {
    shout: tool({ parameters: shout, execute: (text) => text.length }),
    maybe: { parameters: maybe, execute: (text: string | undefined) => text },
  },
})
// @ts-expect-error no city
standard<State>({ tools: { weather: { parameters, execute: ({ city }) => city } } })
// @ts-expect-error no city
tools<State>(() => ({ weather: { parameters, execute: ({ city }) => city } }))

// values that are no tool, and no option
// @ts-expect-error no execute
standard({ tools: { weather: { parameters } } })
// @ts-expect-error no execute
tool({ parameters })
// @ts-expect-error a list needs names
standard({ tools: [nameless] })
// @ts-expect-error a list needs names
tools([nameless])
// @ts-expect-error a typo
standard({ tols: {} })
// @ts-expect-error a typo in an option of the loop
standard({ tools: { plain }, toolLoop: { maxStep: 1 } })
standard()
standard({ tools: false })
standard({ tools: undefined })
