/** All rows of the matrix. */
import type { ProvenElsewhere, Row } from '../row.js'
import { connectRows } from './connect.js'
import { controlRows } from './control.js'
import { framingRows } from './framing.js'
import { routeRows } from './routes.js'
import { semanticsRows } from './semantics.js'

export const rows: readonly Row[] = [
  ...connectRows,
  ...framingRows,
  ...semanticsRows,
  ...controlRows,
  ...routeRows,
]

export const elsewhere: readonly ProvenElsewhere[] = [
  {
    id: 'A1 (name)',
    fault: 'A name that is not found: `ENOTFOUND`, `EAI_AGAIN`',
    outcome: '`APIConnectionError`, tried once more and three times; needs no name server',
    test: ['test/middleware/retry.test.ts', 'which failures retry repeats'],
  },
  {
    id: 'A1 (tls)',
    fault: 'A certificate that nobody signed, or that is out of date',
    outcome: '`APIConnectionError`, not tried again',
    test: ['test/transport/process.test.ts', 'a certificate'],
  },
  {
    id: 'B1 (all)',
    fault: 'Every split of a body, every byte',
    outcome: 'the same events',
    test: ['test/sse/decode.test.ts', 'yields the same events for any split of any bytes'],
  },
  {
    id: 'D9',
    fault: 'The consumer stops reading',
    outcome: 'at most 2 MiB are taken from the socket, 256 chunks or 1 MiB are kept',
    test: ['test/wire/backpressure.test.ts', 'from the socket of a provider'],
  },
  {
    id: 'D12',
    fault: 'The wall clock jumps by a day',
    outcome: 'no wait changes',
    test: ['test/middleware/retry.test.ts', 'do not depend on the wall clock'],
  },
  {
    id: 'D13',
    fault: 'The process is busy for longer than a limit on silence',
    outcome: 'what lies in the socket is read first',
    test: [
      'test/transport/control.test.ts',
      'read what is in the socket first after the process was busy',
    ],
  },
  {
    id: 'E1 (servers)',
    fault: 'The browser leaves, on Express, Fastify, Hono and `node:http`',
    outcome: 'the socket of the provider is closed',
    test: [
      'test/http/servers.test.ts',
      'closes the provider socket when the client disconnects in the middle',
    ],
  },
  {
    id: 'E6',
    fault: 'A browser that does not read',
    outcome: 'memory stays flat, the provider is paused',
    test: ['test/http/slow-reader.test.ts', 'keeps its memory flat while a client does not read'],
  },
  {
    id: 'E7',
    fault: 'Nothing is said for long, a proxy waits',
    outcome: 'comments keep the connection',
    test: ['test/http/servers.test.ts', 'sends comments while the stream is idle'],
  },
  {
    id: 'E8',
    fault: '1,000 streams at once',
    outcome: 'each has its own text, whole',
    test: [
      'test/wire/ends.test.ts',
      'a thousand concurrent streams each finish with their own text',
    ],
  },
  {
    id: 'E9',
    fault: 'Thousands of mixed calls, and as many browsers',
    outcome: 'no memory, handle or listener is left, the ledger is what the server counted',
    test: ['test/soak/soak.test.ts', 'leaves nothing behind'],
  },
  {
    id: 'E10',
    fault: 'Many calls on a server that is down',
    outcome: 'the budget for retries ends them: 100 at once, then no more',
    test: ['test/middleware/retry.test.ts', 'limits the extra requests to a dead server'],
  },
  {
    id: 'E11',
    fault: 'A process is killed in the middle of calls',
    outcome: 'its holds end with their leases, as spent',
    test: [
      'test/middleware/budget.test.ts',
      'a killed process leaves no hold when its leases expire',
    ],
  },
  {
    id: 'E12',
    fault: 'SIGTERM',
    outcome: 'what runs is finished, what is left is taken up by another process',
    test: [
      'test/inbox/inbox.test.ts',
      'close finishes running turns, starts none, and keeps messages that arrive later',
    ],
  },
]
