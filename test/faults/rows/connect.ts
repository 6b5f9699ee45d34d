/** A: the connection and the response, until the first byte of an answer. */

import { setTimeout } from 'node:timers/promises'
import { gzipSync } from 'node:zlib'
import { isTetradError } from '../../../src/core/index.js'
import { html, jsonInPlaceOfStream, nothing, raw } from '../../../src/testing/index.js'
import type { Name } from '../../wire/support.js'
import type { Expectation, Row, Setting } from '../row.js'
import { readToEnd } from '../run.js'
import type { Answer, Exchange } from '../server.js'
import { edited, gzipped, refusal, whole } from './replies.js'

const lost: Answer = ({ socket }) => void socket.resetAndDestroy()
const silent: Answer = () => {}

const packed6 = (body: Buffer) => {
  let packed = body
  for (let layer = 0; layer < 6; layer++) packed = gzipSync(packed)
  return packed
}

const gzipped4MiB = gzipSync(`data: "${'x'.repeat(4 * 1_048_576)}"\n\n`)

/** Sends a status line byte by byte, slowly. */
const slow: Answer = ({ socket, gone }: Exchange) => {
  const head = 'HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nx-padding: '
  let sent = 0
  const timer = setInterval(() => socket.write(head[sent++] ?? 'x'), 15)
  gone.addEventListener('abort', () => clearInterval(timer))
}

/** Two waits of the policy, for transient faults and for an overloaded provider. */
const passing = [263, 525]
const overload = [525, 1050]

const statuses = (
  id: string,
  rows: Readonly<Record<number, Omit<Expectation, 'requests'> & { requests?: number }>>,
): readonly Row[] =>
  Object.entries(rows).map(([status, expect]) => ({
    id: `${id} (${status})`,
    fault: `Status ${status}, every time`,
    answers: () => [refusal(Number(status))],
    expect: { requests: 1, ...expect } as Expectation,
  }))

const namesReset = (name: Name) => name === 'openai' || name === 'anthropic'

const isStream = ({ mode }: Setting) => mode === 'stream'

const later = (headers: Readonly<Record<string, string>>) => [refusal(429, { headers }), whole]

const headersLate = {
  error: 'TimeoutError',
  code: 'timeout',
  phase: 'headers',
  requests: 3,
  waits: passing,
  usage: 'counted',
} as const

export const connectRows: readonly Row[] = [
  {
    id: 'A1',
    fault: 'Nobody listens at the address',
    answers: () => [],
    expect: {
      error: 'APIConnectionError',
      code: 'ECONNREFUSED',
      phase: 'connect',
      requests: 0,
      attempts: 3,
      waits: passing,
    },
  },
  {
    id: 'A2',
    fault: 'The connection is reset before the headers, every time',
    answers: () => [lost],
    expect: {
      error: 'APIConnectionError',
      code: 'ECONNRESET',
      phase: 'headers',
      requests: 3,
      waits: passing,
      usage: 'counted',
    },
  },
  {
    id: 'A2 (once)',
    fault: 'The connection is reset before the headers, once',
    answers: () => [lost, whole],
    expect: { requests: 2, waits: [263], usage: 'counted' },
  },
  {
    id: 'A2 (idle)',
    fault: 'A kept connection turns out to be dead',
    answers: () => [whole, lost, whole],
    caller: async (calling) => {
      await readToEnd({ ...calling, onRead() {} })
      // the connection is idle again
      await setTimeout(20)
      return readToEnd(calling)
    },
    expect: { requests: 3, attempts: 2, waits: [263], usage: 'counted' },
    // only node:http detects it, and only where the reset comes at once
    isFree: ({ attempts }, { transport }) =>
      transport === 'node:http' &&
      attempts.some(({ error }) => isTetradError(error) && error.code === 'stale_socket'),
  },
  {
    id: 'A3',
    fault: 'The headers never come',
    answers: () => [silent],
    timeouts: { headersMs: 60 },
    expect: headersLate,
  },
  {
    id: 'A4',
    fault: 'The headers come a byte at a time, and never end',
    answers: () => [slow],
    timeouts: { headersMs: 100 },
    expect: headersLate,
  },
  ...statuses('A5', {
    400: { error: 'BadRequestError' },
    401: { error: 'AuthenticationError' },
    403: { error: 'PermissionDeniedError' },
    404: { error: 'NotFoundError' },
    422: { error: 'UnprocessableEntityError' },
  }),
  ...statuses('A6', {
    408: { error: 'TimeoutError', requests: 3, waits: passing },
    409: { error: 'ConflictError', requests: 2, waits: [263] },
    500: { error: 'InternalServerError', requests: 3, waits: passing },
    502: { error: 'BadGatewayError', requests: 3, waits: passing },
    503: { error: 'ServiceUnavailableError', requests: 3, waits: overload },
    504: { error: 'TimeoutError', requests: 3, waits: passing },
    529: { error: 'ServiceUnavailableError', requests: 3, waits: overload },
  }),
  {
    id: 'A6 (429)',
    fault: 'Status 429, every time',
    answers: () => [refusal(429)],
    // these report free capacity in their rate limit headers
    expect: ({ name }) => ({
      error: 'RateLimitError',
      requests: 3,
      waits: namesReset(name) ? passing : overload,
    }),
  },
  {
    id: 'A6 (once)',
    fault: 'Status 503, once',
    answers: () => [refusal(503), whole],
    expect: { requests: 2, waits: [525] },
  },
  {
    id: 'A7',
    fault: 'A spent quota, with the code the provider has for it',
    answers: () => [refusal('quota')],
    expect: { error: 'QuotaExceededError', requests: 1 },
  },
  {
    id: 'A8 (seconds)',
    fault: '`retry-after: 2`, once',
    answers: () => later({ 'retry-after': '2' }),
    expect: { requests: 2, waits: [2100] },
  },
  {
    id: 'A8 (date)',
    fault: '`retry-after` as a date three seconds behind `date`, both a day off',
    answers: () => {
      const date = new Date(Date.now() - 86_400_000)
      const due = new Date(date.getTime() + 3_000)
      return later({ date: date.toUTCString(), 'retry-after': due.toUTCString() })
    },
    expect: { requests: 2, waits: [3150] },
  },
  {
    id: 'A8 (ms)',
    fault: '`retry-after-ms: 1500`, once',
    answers: () => later({ 'retry-after-ms': '1500' }),
    expect: { requests: 2, waits: [1575] },
  },
  ...['-5', 'soon', 'NaN'].map(
    (value): Row => ({
      id: `A9 (${value})`,
      fault: `\`retry-after: ${value}\`, once`,
      answers: () => later({ 'retry-after': value }),
      expect: ({ name }) => ({ requests: 2, waits: [namesReset(name) ? 263 : 525] }),
    }),
  ),
  {
    id: 'A10',
    fault: '`retry-after: 3600`',
    answers: () => [refusal(429, { headers: { 'retry-after': '3600' } })],
    expect: { error: 'RateLimitError', retryAfterMs: 3_600_000, requests: 1 },
  },
  {
    id: 'A11',
    fault: '`RetryInfo.retryDelay` of 31 seconds in the body, once',
    only: ({ name }) => name === 'gemini',
    answers: () => [refusal(429, { retryAfter: 31 }), whole],
    expect: { requests: 2, waits: [32_550] },
  },
  {
    id: 'A12',
    fault: 'A page of a proxy with status 502',
    answers: () => [html({ status: 502, body: '<html>proxy-7.internal is down</html>' })],
    expect: { error: 'BadGatewayError', requests: 3, waits: passing },
    also: ({ error }) => {
      if (/proxy-7|</.test(String(error))) throw new Error('the page stands in the message')
    },
  },
  {
    id: 'A13 (html)',
    fault: 'Status 200 and a page of HTML',
    answers: () => [html()],
    expect: {
      error: 'UnexpectedResponseError',
      code: 'html',
      phase: 'body',
      requests: 2,
      waits: [263],
      usage: 'counted',
    },
  },
  {
    id: 'A13 (empty)',
    fault: 'Status 200 and an empty body',
    answers: () => [nothing()],
    expect: {
      error: 'UnexpectedResponseError',
      code: 'empty',
      phase: 'body',
      requests: 2,
      waits: [263],
      usage: 'counted',
    },
  },
  {
    id: 'A13 (error)',
    fault: 'Status 200 and a JSON error in place of the answer',
    answers: () => [jsonInPlaceOfStream()],
    expect: { error: 'ServiceUnavailableError', requests: 3, waits: overload },
  },
  {
    id: 'A13 (json)',
    fault: 'Status 200 and JSON that is neither an answer nor an error',
    answers: () => [raw('{"hello":"there"}', { headers: { 'content-type': 'application/json' } })],
    expect: { error: 'UnexpectedResponseError', requests: 2, waits: [263], usage: 'counted' },
  },
  {
    id: 'A14',
    fault: 'A stream under `content-type: text/plain`',
    only: isStream,
    answers: () => [whole.headers({ 'content-type': 'text/plain' })],
    expect: { requests: 1 },
  },
  ...[301, 302, 303, 307, 308].map(
    (status): Row => ({
      id: `A15 (${status})`,
      fault: `Status ${status} to another origin`,
      answers: () => [raw('', { status, headers: { location: 'http://127.0.0.1:9/elsewhere' } })],
      expect: {
        error: 'UnexpectedResponseError',
        code: 'redirect',
        phase: 'headers',
        requests: 1,
      },
    }),
  ),
  {
    id: 'A16',
    fault: 'A gzipped answer',
    answers: () => [gzipped(whole)],
    expect: { requests: 1 },
  },
  {
    id: 'A17',
    fault: 'A gzipped answer that is cut short',
    answers: () => [gzipped(whole, (body) => body.subarray(0, body.length / 2))],
    expect: ({ transport, mode }) => {
      const error = { stream: 'StreamInterruptedError', generate: 'APIConnectionError' }[mode]
      const phase = mode === 'stream' ? 'stream' : 'body'
      if (transport === 'node:http')
        return { error, code: 'Z_BUF_ERROR', phase, requests: 3, waits: passing, usage: 'counted' }
      // undici returns the bytes that it could decompress as if they were complete
      const cut =
        mode === 'stream'
          ? { error, code: 'truncated' }
          : { error: 'UnexpectedResponseError', code: 'bad_json' }
      return { ...cut, phase, requests: 2, waits: [263], usage: 'counted' }
    },
  },
  {
    id: 'A18',
    fault: 'A gzipped event of 4 MiB, `maxEventBytes` 1 MiB',
    only: isStream,
    answers: () => [gzipped(whole, () => gzipped4MiB)],
    limits: { maxEventBytes: 1_048_576 },
    expect: { error: 'UnexpectedResponseError', code: 'too_large', requests: 1, usage: 'counted' },
  },
  {
    id: 'A18 (codings)',
    fault: 'Six layers of `content-encoding`',
    answers: () => [
      edited(whole, packed6, { 'content-encoding': Array(6).fill('gzip').join(', ') }),
    ],
    expect: ({ transport }) =>
      transport === 'fetch'
        ? { error: 'APIConnectionError', requests: 3, waits: passing, usage: 'counted' }
        : {
            error: 'UnexpectedResponseError',
            requests: 2,
            waits: [263],
            usage: 'counted',
          },
  },
]
