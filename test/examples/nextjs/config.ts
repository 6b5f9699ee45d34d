/** The configuration of the Next.js tests: they install and build an app, which takes a minute. */
import { defineConfig } from 'vitest/config'

export default defineConfig({
  resolve: { tsconfigPaths: true },
  test: {
    root: new URL('../../..', import.meta.url).pathname,
    include: ['test/examples/nextjs.test.ts'],
    testTimeout: 60_000,
    // the first request of a server, and of a browser, is slow
    expect: { poll: { timeout: 15_000 } },
    // npm and a compiler, perhaps with cold caches
    hookTimeout: 300_000,
  },
})
