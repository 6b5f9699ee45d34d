/** The bundle of an app that imports only `tetrad/inbox`. */
import { build } from 'esbuild'
import { expect, it } from 'vitest'

it('contains its own files, the errors, and the store interface', async () => {
  const { metafile, outputFiles } = await build({
    entryPoints: ['src/inbox/index.ts'],
    bundle: true,
    minify: true,
    format: 'esm',
    platform: 'neutral',
    write: false,
    metafile: true,
  })
  const others = Object.keys(metafile.inputs).filter((path) => !path.startsWith('src/inbox/'))
  expect(others.sort()).toEqual([
    'src/core/errors.ts',
    'src/store/lease.ts',
    'src/store/needs.ts',
    'src/store/patient.ts',
  ])
  expect(outputFiles[0]?.contents.length).toBeLessThan(13_000)
})
