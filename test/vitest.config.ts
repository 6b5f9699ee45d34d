import { defineConfig } from 'vitest/config'
import { skippedSuites } from './needs.js'

/**
 * Suites with many clients, processes, a browser or long computation: one at a time, or they starve
 * each other on a small machine.
 */
const crowds = [
  'test/e2e/*.test.ts',
  'test/hardening/*.test.ts',
  'test/regular-expressions.test.ts',
  'test/http/{crowd,slow-reader}.test.ts',
  'test/inbox/processes.test.ts',
  'test/middleware/budget.test.ts',
  'test/wire/{backpressure,ends}.test.ts',
]
const exclude = [
  'test/bench/**',
  '**/node_modules/**',
  'test/examples/nextjs.test.ts',
  ...skippedSuites(),
]

export default defineConfig({
  // examples import the package by its name
  resolve: { tsconfigPaths: true },
  test: {
    root: new URL('..', import.meta.url).pathname,
    testTimeout: 20_000,
    // a busy machine is slow, not wrong
    expect: { poll: { timeout: 10_000 } },
    projects: [
      {
        extends: true,
        test: {
          name: 'side by side',
          include: ['test/**/*.test.ts'],
          exclude: [...exclude, ...crowds],
          // on two cores the default is one worker, and most tests wait for sockets
          maxWorkers: '100%',
          sequence: { groupOrder: 0 },
        },
      },
      {
        extends: true,
        test: {
          name: 'alone',
          include: crowds,
          exclude,
          maxWorkers: 1,
          sequence: { groupOrder: 1 },
        },
      },
    ],
  },
})
