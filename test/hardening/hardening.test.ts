/** The hardening checklist, row by row, over the wires of the loopback server. */
import { describe, expect, it } from 'vitest'
import type { ChatRequest, ChatResponse } from '../../src/chat/index.js'
import type { TetradError } from '../../src/core/index.js'
import {
  type CallCase,
  deepFreeze,
  type HardeningCase,
  type Mode,
  modes,
  onServer,
  type Scene,
  shortOf,
  user,
} from './case.js'
import { cases, notFollowed, total } from './cases.js'

describe.each(byNumber(cases))('case %i', (_, rows) => {
  for (const row of rows) {
    if ('run' in row) it(row.title, row.run)
    else for (const mode of row.modes ?? modes) it(`${row.title} (${mode})`, () => play(row, mode))
  }
})

it('every number of the checklist has a row, or a reason for having none', () => {
  const covered = new Set([...cases.map(({ id }) => id), ...notFollowed.keys()])
  const missing = Array.from({ length: total }, (_, at) => at + 1).filter((id) => !covered.has(id))
  expect(missing).toEqual([])
  expect([...covered].filter((id) => id < 1 || id > total)).toEqual([])
})

it('every row has a title of its own', () => {
  const titles = cases.map(({ id, title }) => `${id} ${title}`)
  expect(new Set(titles).size).toBe(titles.length)
})

function byNumber(rows: readonly HardeningCase[]): [number, readonly HardeningCase[]][] {
  const ids = [...new Set(rows.map(({ id }) => id))].sort((a, b) => a - b)
  return ids.map((id) => [id, rows.filter((row) => row.id === id)])
}

interface Ending {
  readonly response?: ChatResponse
  readonly error?: TetradError
}

async function play(row: CallCase, mode: Mode): Promise<void> {
  await onServer(row, async (scene) => {
    const ending = await endingOf(row, mode, scene)
    if (ending.error && !row.expects.error) throw ending.error
    checkEnding(row, ending)
    checkWire(row, scene)
  })
}

async function endingOf(row: CallCase, mode: Mode, { ai }: Scene): Promise<Ending> {
  // a row may break the types on purpose
  const request = deepFreeze({
    model: row.model,
    messages: row.messages ?? [user()],
    ...row.request,
  }) as unknown as ChatRequest
  try {
    const { options } = row
    const response =
      mode === 'generate'
        ? await ai.generate(request, options)
        : await ai.stream(request, options).response
    return { response }
  } catch (error) {
    return { error: error as TetradError }
  }
}

function checkEnding({ expects }: CallCase, { response, error }: Ending): void {
  const { error: expected, names = [], answer, without = [], warns = [] } = expects
  if (expected) expect(error).toBeInstanceOf(expected)
  for (const name of names) expect(error?.message).toContain(name)
  if (answer) expect(response ?? error).toMatchObject(answer)
  for (const absent of without) expect(response).not.toHaveProperty(absent)
  if (response) expect(response.warnings.map(shortOf)).toEqual(warns)
}

function checkWire({ expects }: CallCase, { server, waits }: Scene): void {
  const { body, lacks = [], path, error } = expects
  expect(server.requests).toHaveLength(expects.requests ?? (error ? 0 : 1))
  const last = server.requests.at(-1)
  if (body) expect(last?.body).toMatchObject(body)
  for (const absent of lacks) expect(last?.body).not.toHaveProperty(absent)
  if (path) expect(last?.path).toMatch(path)
  if (expects.waits) expect(waits).toEqual(expects.waits)
}
