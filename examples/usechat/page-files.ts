/** The page as a browser gets it: React and `useChat` in one script. */
import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'

export interface PageFile {
  readonly type: string
  readonly body: string | Uint8Array
}

const here = (name: string) => fileURLToPath(new URL(name, import.meta.url))

type PageFiles = ReadonlyMap<string, PageFile>

let files: Promise<PageFiles> | undefined

/** Each file by its path. The script is bundled once. */
export function pageFiles(): Promise<PageFiles> {
  files ??= makeFiles()
  return files
}

async function makeFiles(): Promise<PageFiles> {
  const bundle = await build({
    entryPoints: [here('app.tsx')],
    bundle: true,
    format: 'esm',
    jsx: 'automatic',
    minify: true,
    write: false,
    define: { 'process.env.NODE_ENV': '"production"' },
  })
  return new Map([
    ['/', { type: 'text/html', body: await readFile(here('index.html')) }],
    ['/style.css', { type: 'text/css', body: await readFile(here('style.css')) }],
    ['/app.js', { type: 'text/javascript', body: bundle.outputFiles[0]?.contents ?? '' }],
  ])
}
