/** Warnings of one request, each told once, and the error for a request that cannot be sent. */
import type { Warning } from '../../chat/index.js'
import { BadRequestError } from '../../core/index.js'
import type { Warn } from '../adapter.js'

/** `param` is `messages` unless told. */
export type Note = (code: Warning['code'], message: string, param?: string) => void

export function notesTo(warn: Warn): Note {
  const told = new Set<string>()
  return (code, message, param = 'messages') => {
    const key = JSON.stringify([code, param, message])
    if (told.has(key)) return
    told.add(key)
    warn({ code, param, provider: 'gemini', message })
  }
}

/** Before any connection. */
export const badRequest = (model: string, message: string, code: string): BadRequestError =>
  new BadRequestError(`gemini/${model}: ${message}`, {
    provider: 'gemini',
    model,
    status: 400,
    code,
    phase: 'request',
  })
