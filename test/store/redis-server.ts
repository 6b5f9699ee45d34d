/** A real redis-server on a free port, for one test file. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:net'

export interface RedisServer {
  readonly port: number
  /** Stops the process (SIGSTOP): connections stay open, and nothing responds until `resume`. */
  pause(): void
  resume(): void
  stop(): Promise<void>
}

/** On a free port, or on the port of a stopped server: it starts empty. */
export async function redisServer(
  again?: number,
  more: readonly string[] = [],
): Promise<RedisServer> {
  const port = again ?? (await freePort())
  const options = [
    '--port',
    String(port),
    '--bind',
    '127.0.0.1',
    '--save',
    '',
    '--appendonly',
    'no',
    ...more,
  ]
  const child = spawn('redis-server', options, { stdio: ['ignore', 'pipe', 'inherit'] })
  await isReady(child)
  return {
    port,
    pause: () => void child.kill('SIGSTOP'),
    resume: () => void child.kill('SIGCONT'),
    async stop() {
      const exit = once(child, 'exit')
      child.kill()
      await exit
    },
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  if (typeof address !== 'object' || !address) throw new Error('no port')
  return address.port
}

async function isReady(child: ChildProcess): Promise<void> {
  let output = ''
  for await (const piece of child.stdout ?? []) {
    output += piece
    if (output.includes('Ready to accept connections')) break
  }
  child.stdout?.resume()
}
