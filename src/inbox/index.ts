export { createInbox } from './create-inbox.js'
export type { Added, Inbox, InboxClock, InboxOptions, Turn } from './options.js'
