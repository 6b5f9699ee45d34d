import { defineConfig } from 'vitest/config'
import { skippedSuites } from './needs.js'

export default defineConfig({
  // examples import the package by its name
  resolve: { tsconfigPaths: true },
  test: {
    root: new URL('..', import.meta.url).pathname,
    include: ['test/**/*.test.ts'],
    exclude: [
      'test/bench/**',
      '**/node_modules/**',
      'test/examples/nextjs.test.ts',
      ...skippedSuites(),
    ],
    // on two cores the default is one worker, and most tests wait for sockets
    maxWorkers: '100%',
    testTimeout: 20_000,
    // a machine that is busy is slow, not wrong
    expect: { poll: { timeout: 10_000 } },
  },
})
