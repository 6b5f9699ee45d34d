/** Requests over `fetch`: that of the platform, of the app, or an official client in its place. */
import type { IncomingResponse, Sender } from './sender.js'

/** Native fetch ends by its signal; one that was injected may not, and is left behind. */
export const fetchSender =
  (fetch: typeof globalThis.fetch): Sender =>
  ({ url, headers, body }) => {
    const controller = new AbortController()
    let reader: ReadableStreamDefaultReader<Uint8Array> | undefined
    let isCancelled = false
    let isRejected = false

    const send = async (): Promise<IncomingResponse> => {
      const { signal } = controller
      const asked = fetch(url, {
        method: 'POST',
        headers: new Headers(headers),
        body,
        // followed, a redirect would carry the prompt, and some keys, to another host
        redirect: 'manual',
        signal,
      })
      const response = await asked.catch((error: unknown) => {
        isRejected = true
        throw error
      })
      if (isCancelled) response.body?.cancel().catch(ignore)
      else reader = response.body?.getReader()
      return {
        status: response.status,
        headers: response.headers,
        read: async () => (await reader?.read())?.value,
      }
    }

    return {
      response: send(),
      cancel(reason) {
        isCancelled = true
        // undici has a body that nobody listens to where it refuses the codings of a response: an abort would be thrown there
        if (isRejected) return
        reader?.cancel(reason).catch(ignore)
        controller.abort(reason)
      },
      // fetch tells neither which requests its connection served before nor whose bytes came on it
      isStale: () => false,
    }
  }

const ignore = () => {}
