/** The tools of an MCP server, over the official client. `npx tsx examples/mcp.ts` */
import { Client } from '@modelcontextprotocol/sdk/client/index.js'
import { InMemoryTransport } from '@modelcontextprotocol/sdk/inMemory.js'
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js'
import { CallToolResultSchema } from '@modelcontextprotocol/sdk/types.js'
import { standard, tool } from 'tetrad/middleware'
import { callTool, say } from 'tetrad/testing'
import { z } from 'zod'
import { example } from './client.js'

/** Every tool of a server, by its name. */
async function mcpTools(client: Client) {
  const { tools } = await client.listTools()
  return tools.map(({ name, description = '', inputSchema }) => ({
    name,
    ...tool({
      description,
      parameters: inputSchema,
      execute: async (args, { signal }) => {
        const call = { method: 'tools/call', params: { name, arguments: args } } as const
        const { content, isError } = await client.request(call, CallToolResultSchema, { signal })
        const text = content.map((part) => (part.type === 'text' ? part.text : `[${part.type}]`))
        if (isError) throw new Error(text.join('\n'))
        return text.join('\n')
      },
    }),
  }))
}

// a server in this process; `new StdioClientTransport({ command: 'npx', args: […] })` starts one beside it
const server = new McpServer({ name: 'weather', version: '1.0.0' })
server.registerTool(
  'weather',
  { description: 'The weather of a city', inputSchema: { city: z.string() } },
  ({ city }) => ({ content: [{ type: 'text', text: `${city}: 24 °C, clear` }] }),
)
const [here, there] = InMemoryTransport.createLinkedPair()
await server.connect(there)
const client = new Client({ name: 'chat', version: '1.0.0' })
await client.connect(here)

const { ai, close } = await example(standard({ tools: await mcpTools(client) }), [
  callTool('weather', { city: 'Lisbon' }),
  say('It is 24 °C in Lisbon.'),
])
const reply = await ai.generate({
  model: 'openai/gpt-5-mini',
  messages: [{ role: 'user', content: 'How warm is it in Lisbon?' }],
})
for (const { role, content } of reply.messages) if (content) console.log(`${role}: ${content}`)
await client.close()
await close()
