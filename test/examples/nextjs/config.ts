/** The run of the Next.js example alone: it installs and builds an app, which takes a minute. */
import { defineConfig } from 'vitest/config'

export default defineConfig({
  resolve: { tsconfigPaths: true },
  test: {
    root: new URL('../../..', import.meta.url).pathname,
    include: ['test/examples/nextjs.test.ts'],
    testTimeout: 20_000,
    // npm and a compiler, perhaps with cold caches
    hookTimeout: 300_000,
  },
})
