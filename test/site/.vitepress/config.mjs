/** The site: pages of docs/, the API from the docstrings, local search. */
import { readdirSync } from 'node:fs'
import { defineConfig } from 'vitepress'

const slugify = (heading) =>
  heading
    .trim()
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N}\s_-]/gu, '')
    .replaceAll(/\s/g, '-')

const page = (text, name) => ({ text, link: `/${name}` })

/** Every page has a place here: main.mjs fails for a page that has none. */
const guide = [
  {
    text: 'Start',
    items: [page('Getting started', 'getting-started'), page('Concepts', 'concepts')],
  },
  {
    text: 'Calls',
    items: [
      page('Providers', 'providers'),
      page('Parameters', 'parameters'),
      page('Messages and history', 'messages'),
      page('Streaming', 'streaming'),
      page('Tools and approvals', 'tools'),
      page('Structured output', 'structured-output'),
      page('Errors', 'errors'),
    ],
  },
  {
    text: 'Layers',
    items: [page('Middleware and chunks', 'middleware'), page('Policies', 'policies')],
  },
  {
    text: 'Pages and bots',
    items: [
      page('Routes', 'http'),
      page('Browser', 'browser'),
      page('Stores', 'stores'),
      page('Messengers', 'messaging'),
    ],
  },
  {
    text: 'Production',
    items: [
      page('Checklist', 'production'),
      page('Deploying', 'deploying'),
      page('Testing', 'testing'),
      page('Faults', 'faults'),
      page('Performance', 'performance'),
    ],
  },
  {
    text: 'More',
    items: [
      page('Moving here', 'migrating'),
      page('An adapter of your own', 'custom-adapter'),
      page('Architecture', 'architecture'),
    ],
  },
]

const pages = new Set(readdirSync(new URL('../pages', import.meta.url)))
const exists = ({ link }) => pages.has(`${link.slice(1)}.md`)

export default defineConfig({
  title: 'tetrad',
  description:
    'One call, four providers, one onion: a TypeScript SDK for production chat backends.',
  srcDir: 'pages',
  outDir: '../../artefacts/site',
  // may be opened from any folder of a server
  base: process.env.SITE_BASE ?? '/',
  cleanUrls: true,
  // a broken link fails the build; TypeDoc writes the API afterwards
  ignoreDeadLinks: [/^\/api\//],
  // like GitHub, so that one link works on both
  markdown: { anchor: { slugify } },
  themeConfig: {
    search: { provider: 'local' },
    nav: [page('Guide', 'getting-started'), { ...page('API', 'api/'), target: '_self' }],
    outline: [2, 3],
    sidebar: guide.map((group) => ({ ...group, items: group.items.filter(exists) })),
  },
})

export const listed = guide.flatMap(({ items }) => items).map(({ link }) => `${link.slice(1)}.md`)
