/** Warnings of one request: each is told once, however many messages it is true of. */
import type { Warning } from '../../chat/index.js'
import type { Warn } from '../adapter.js'

/** `param` is `messages` unless told. */
export type Note = (code: Warning['code'], message: string, param?: string) => void

export function notesTo(warn: Warn): Note {
  const told = new Set<string>()
  return (code, message, param = 'messages') => {
    const key = `${code} ${param} ${message}`
    if (told.has(key)) return
    told.add(key)
    warn({ code, param, provider: 'anthropic', message })
  }
}
