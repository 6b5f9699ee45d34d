/** The app: who may ask, what the model is told, one line for the route. */
import compression from 'compression'
import express from 'express'
import type { Client } from 'tetrad'
import { handler } from 'tetrad/http/node'
import { memoryStore } from 'tetrad/store'
import { type User, userOf } from './users.js'

export interface AppOptions {
  readonly ai: Client<User>
  /** Public name → model. */
  readonly models: Readonly<Record<string, string>>
}

export function createApp({ ai, models }: AppOptions) {
  const chat = handler(ai, {
    models,
    authorize: userOf,
    before: (request, { state }) => ({
      ...request,
      messages: [{ role: 'system', content: systemPrompt(state) }, ...request.messages],
      max_tokens: 1000,
    }),
    // an answer outlives its connection: GET /api/chat/:id/stream reads on
    store: memoryStore(),
    onError: (error, { request_id }) => console.error(request_id, error),
  })
  return express().disable('x-powered-by').use(compression()).all('/api/chat{/*rest}', chat)
}

const systemPrompt = ({ name }: User) =>
  `You are the concierge of a small hotel in Lisbon, and speak with ${name}. Be brief.`
