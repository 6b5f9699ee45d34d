export { fromMarkdown, type MessengerFormat } from './from-markdown.js'
export { type SplitTextOptions, splitText } from './split-text.js'
