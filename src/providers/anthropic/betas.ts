/** The `anthropic-beta` header of a body: https://docs.claude.com/en/api/beta-headers. */
import { asObject, asObjects, isGiven, type JsonObject } from '../../chat/index.js'

type Row = readonly [beta: string, isUsed: (body: JsonObject) => boolean]

const member = (value: unknown, name: string) => asObject(value)[name]

const has =
  (...path: readonly string[]) =>
  (body: JsonObject) =>
    isGiven(path.reduce<unknown>(member, body))

const hasTool = (pattern: RegExp) => (body: JsonObject) =>
  asObjects(body.tools).some(({ type }) => typeof type === 'string' && pattern.test(type))

const blocksOf = (body: JsonObject) =>
  asObjects(body.messages).flatMap(({ content }) => asObjects(content))

const hasBlock = (pattern: RegExp) => (body: JsonObject) =>
  blocksOf(body).some(({ type }) => typeof type === 'string' && pattern.test(type))

const edits = (body: JsonObject) => asObjects(member(body.context_management, 'edits'))

const usesMcp = (body: JsonObject) =>
  asObjects(body.mcp_servers).length > 0 || hasBlock(/^mcp_/)(body) || usesToolsets(body)

const usesToolsets = hasTool(/^mcp_toolset$/)

/** Opus 4.5 requires a beta for `effort`, later models do not. */
const usesEarlyEffort = (body: JsonObject) =>
  has('output_config', 'effort')(body) && /opus-4-5/.test(String(body.model))

const rows: readonly Row[] = [
  [
    'mid-conversation-system-2026-04-07',
    (body) => asObjects(body.messages).some(({ role }) => role === 'system'),
  ],
  ['mid-conversation-tool-changes-2026-07-01', hasBlock(/^tool_(addition|removal)$/)],
  [
    'files-api-2025-04-14',
    (body) => hasBlock(/^container_upload$/)(body) || blocksOf(body).some(isStored),
  ],
  ['mcp-client-2025-11-20', usesToolsets],
  ['mcp-client-2025-04-04', (body) => usesMcp(body) && !usesToolsets(body)],
  ['computer-use-2024-10-22', hasTool(/^(computer|bash|text_editor)_20241022$/)],
  ['computer-use-2025-01-24', hasTool(/^computer_20250124$/)],
  ['computer-use-2025-11-24', hasTool(/^computer_20251124$/)],
  ['code-execution-2025-05-22', hasTool(/^code_execution_20250522$/)],
  ['advisor-tool-2026-03-01', hasTool(/^advisor_/)],
  ['effort-2025-11-24', usesEarlyEffort],
  ['structured-outputs-2025-11-13', has('output_format')],
  ['task-budgets-2026-03-13', has('output_config', 'task_budget')],
  ['context-management-2025-06-27', has('context_management')],
  [
    'compact-2026-01-12',
    (body) =>
      edits(body).some(isCompaction) || compactions(body).some(({ signature }) => !signature),
  ],
  [
    'compact-2026-09-04',
    (body) => body.compaction != null || compactions(body).some(({ signature }) => signature),
  ],
  ['message-threads-2026-08-12', has('thread')],
  ['fallback-credit-2026-07-01', has('fallback_credit_token')],
  ['billing-2026-10-01', has('billing_policy')],
  ['skills-2025-10-02', has('container', 'skills')],
  ['fast-mode-2026-02-01', (body) => body.speed === 'fast'],
  ['server-side-fallback-2026-07-01', (body) => body.fallbacks === 'default'],
  [
    'server-side-fallback-2026-06-01',
    (body) =>
      asObjects(body.fallbacks).length > 0 ||
      (body.fallbacks == null && hasBlock(/^fallback$/)(body)),
  ],
  ['thinking-binding-controls-2026-08-01', has('thinking', 'block_binding')],
  ['thinking-display-updates-2026-08-18', (body) => member(body.thinking, 'display') === 'updates'],
]

const compactions = (body: JsonObject) => blocksOf(body).filter(({ type }) => type === 'compaction')

const isCompaction = ({ type }: JsonObject) => type === 'compact_20260112'

/** Also in a tool result. */
const isStored = (block: JsonObject): boolean =>
  member(block.source, 'type') === 'file' || asObjects(block.content).some(isStored)

/** The betas that the body needs and the caller requests, without duplicates; undefined if none. */
export function betaHeader(body: JsonObject, asked: readonly (string | undefined)[]) {
  const own = rows.filter(([, isUsed]) => isUsed(body)).map(([beta]) => beta)
  const callers = asked.flatMap((line) => (line ?? '').split(',')).map((beta) => beta.trim())
  const betas = new Set([...own, ...callers].filter((beta) => beta !== ''))
  return betas.size > 0 ? [...betas].join(',') : undefined
}
