/** The security rules S1 to S26, each with the tests that assert it. */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'

/** A file, and a part of a test's title. */
type Proof = readonly [file: string, words: string]

interface Rule {
  readonly rule: string
  readonly proofs: readonly Proof[]
}

const leaks = 'test/security/leaks.test.ts'
const prototypes = 'test/security/prototypes.test.ts'
const web = 'test/http/web.test.ts'
const routes = 'test/http/routes.test.ts'
const node = 'test/http/node.test.ts'

const rules: Readonly<Record<string, Rule>> = {
  S1: {
    rule: 'A key lives in a closure: no client, context, answer, error or print of one shows it',
    proofs: [[leaks, 'no key in anything exposed by a run over %s, %s']],
  },
  S2: {
    rule: 'A key that a server echoes is taken out of errors, lines, ids and headers',
    proofs: [
      [leaks, 'that quotes the key'],
      ['test/transport/api-error.test.ts', 'shows no key'],
    ],
  },
  S3: {
    rule: 'An error holds no prompt',
    proofs: [[leaks, 'captured.showing([prompt]']],
  },
  S4: {
    rule: 'The library never writes to the console',
    proofs: [
      [leaks, 'the console'],
      [
        'test/faults/faults.test.ts',
        'leaves no rejection, no exception and no line on the console',
      ],
    ],
  },
  S5: {
    rule: 'A key goes out in a header, never in an address',
    proofs: [
      [leaks, "'addresses'"],
      [
        'test/providers/gemini/wire.test.ts',
        'sends a call to its method with the key in a header, never in the URL',
      ],
    ],
  },
  S6: {
    rule: 'A browser sets neither address, headers, key nor provider',
    proofs: [['test/security/requests.test.ts', 'of a browser reaches a provider']],
  },
  S7: {
    rule: 'Redirects are not followed',
    proofs: [
      ['test/transport/answers.test.ts', '%d is an error and is not followed'],
      ['test/faults/rows/connect.ts', 'to another origin'],
    ],
  },
  S8: {
    rule: 'A provider in a page keeps its key; the client of a page holds no provider',
    proofs: [
      ['test/e2e/keys.test.ts', 'keeps its key to itself'],
      ['test/browser/bundle.test.ts', 'contains no provider, no server and nothing of Node'],
    ],
  },
  S9: {
    rule: 'A body is bounded while it is read, and checked before anything is asked',
    proofs: [
      [node, 'without an end is rejected at its limit, and the sender is disconnected'],
      [web, 'reads no more of an endless body than its limit'],
      [web, "'deep', user(nested(50)), 400, 'too_deep'"],
      ['test/http/route-input.test.ts', 'limits apply to the new message'],
    ],
  },
  S10: {
    rule: 'Roles and earlier turns of a browser count only where the server signed or kept them',
    proofs: [
      [web, "'role_not_allowed'"],
      [routes, "'history_not_signed'"],
      ['test/http/signing.test.ts', 'is valid only for its user and conversation'],
    ],
  },
  S11: {
    rule: 'Models, parameters and tools are those that the server lists',
    proofs: [
      [web, "'unknown_model'"],
      [web, "'unknown_param'"],
    ],
  },
  S12: {
    rule: 'An approval is for one call of one user, and is used once',
    proofs: [
      ['test/http/signing.test.ts', 'are accepted once'],
      ['test/http/signing.test.ts', "it('expire'"],
    ],
  },
  S13: {
    rule: 'One write is one event, whatever a model says',
    proofs: [
      ['test/sse/encode.test.ts', 'makes one event of any data'],
      [routes, 'is a single event, whatever the model emits'],
    ],
  },
  S14: {
    rule: 'An answer says what it is, and is neither sniffed nor stored',
    proofs: [
      [
        'test/security/requests.test.ts',
        'a response declares its type, and is neither sniffed nor cached, streamed or not',
      ],
    ],
  },
  S15: {
    rule: 'Pages of other origins read what was opened to them by name',
    proofs: [[web, 'lets allowed origins read, and never reflects another']],
  },
  S16: {
    rule: 'Forms and pages of other sites are refused',
    proofs: [[web, 'rejects forms and cross-site pages']],
  },
  S17: {
    rule: 'A route authorizes, or says that it is public',
    proofs: [[routes, 'is required, or the route must be declared public']],
  },
  S18: {
    rule: 'A browser sees codes and sentences of ours, never words of a provider',
    proofs: [
      [web, "reports a failure before the first content by status, without the provider's message"],
      ['test/faults/rows/routes.ts', 'words of the provider reached the browser'],
    ],
  },
  S19: {
    rule: 'No address is fetched unless its host is listed and public, on every hop',
    proofs: [
      ['test/providers/gemini/inline-files.test.ts', 'public addresses are public'],
      ['test/providers/gemini/inline-files.test.ts', 'a redirect to a listed host'],
    ],
  },
  S20: {
    rule: 'What is redacted is so over any cut',
    proofs: [
      [
        'test/middleware/redact.test.ts',
        '%s %s is masked at every split, one character per chunk too',
      ],
    ],
  },
  S21: {
    rule: 'Regular expressions are linear, those of an app are bounded',
    proofs: [
      ['test/regular-expressions.test.ts', 'recheck'],
      [
        'test/middleware/redact.test.ts',
        'a pattern of the app scans each unit of a text at most nine times, whole or in pieces',
      ],
    ],
  },
  S22: {
    rule: 'No input reaches a prototype',
    proofs: [
      [prototypes, 'with prototype members in all its objects'],
      [prototypes, 'is rejected with them in object %i, and calls no model'],
    ],
  },
  S23: {
    rule: 'Sizes are bounded above what is legal, and can be set',
    proofs: [
      ['test/sse/decode.test.ts', 'accepts a valid event of 28 MiB'],
      ['test/transport/answers.test.ts', 'above maxBodyBytes is rejected'],
      [
        'test/transport/answers.test.ts',
        'with a body above 64 KiB reports only the status, and is not read to the end',
      ],
    ],
  },
  S24: {
    rule: 'What was said is in no line and no span unless it is asked for',
    proofs: [
      ['test/middleware/telemetry.test.ts', 'is in no span and no metric by default, in %s'],
      ['test/middleware/log.test.ts', 'logs no content and no key'],
    ],
  },
  S25: {
    rule: 'Markdown of a model runs and loads nothing in the pages of the examples',
    proofs: [
      [
        'test/e2e/browser.test.ts',
        'renders hostile Markdown as harmless: nothing runs, nothing is loaded, no misleading link',
      ],
    ],
  },
  S26: {
    rule: 'One dependency, no install scripts, releases by a pinned workflow with provenance',
    proofs: [
      ['test/architecture.test.ts', 'the package has one runtime dependency'],
      ['test/pack/install.mjs', 'the install is'],
      ['test/security/rules.test.ts', 'actions are pinned'],
    ],
  },
}

describe('the security rules', () => {
  it('are S1 to S26', () => {
    expect(Object.keys(rules)).toEqual(Array.from({ length: 26 }, (_, at) => `S${at + 1}`))
  })

  it.each(Object.entries(rules))('%s is asserted by existing tests', (_, { proofs }) => {
    expect(proofs.length).toBeGreaterThan(0)
    for (const [file, words] of proofs) {
      expect(existsSync(file), file).toBe(true)
      expect(readFileSync(file, 'utf8')).toContain(words)
    }
  })
})

const manifest = JSON.parse(readFileSync('package.json', 'utf8'))
const workflows = readdirSync('.github/workflows').map(
  (name) => [name, readFileSync(`.github/workflows/${name}`, 'utf8')] as const,
)

describe('the supply chain', () => {
  it('no script runs when the package is installed', () => {
    expect(
      Object.keys(manifest.scripts).filter((name) => /^(pre|post)?install$/.test(name)),
    ).toEqual([])
  })

  it.each(workflows)('actions are pinned to a commit in %s', (_, text) => {
    const used = [...text.matchAll(/uses: (\S+)/g)].map(([, action]) => action)
    expect(used.length).toBeGreaterThan(0)
    for (const action of used) expect(action).toMatch(/^[\w-]+\/[\w-]+@[0-9a-f]{40}$/)
  })

  it.each(workflows)('permissions are explicit, and no registry host is, in %s', (_, text) => {
    expect(text).toMatch(/^permissions:\n {2}contents: read$/m)
    expect(text).not.toMatch(/registry|npmjs|https?:/)
  })

  it('a release has provenance, and needs no stored token', () => {
    const [, release] = workflows.find(([name]) => name === 'release.yml') ?? []
    expect(release).toContain('id-token: write')
    expect(release).toContain('npm publish --provenance')
    expect(release).not.toContain('NPM_TOKEN')
  })

  it('Node 20, 22, 24 and 26 are tested, and required from 20 on', () => {
    const [, text] = workflows.find(([name]) => name === 'ci.yml') ?? []
    expect(text).toContain('node: [20, 22, 24, 26]')
    expect(manifest.engines.node).toBe('>=20')
  })
})
