/** Sends over a `fetch`: that of the platform, of the app, or an official client. */
import type { IncomingResponse, Sender } from './sender.js'

/** Native fetch ends on its signal; an injected one may not, and is abandoned. */
export const fetchSender =
  (fetch: typeof globalThis.fetch): Sender =>
  ({ url, headers, body }) => {
    const controller = new AbortController()
    let reader: ReadableStreamDefaultReader<Uint8Array> | undefined
    let isCanceled = false
    let isRejected = false

    const send = async (): Promise<IncomingResponse> => {
      const { signal } = controller
      const asked = fetch(url, {
        method: 'POST',
        headers: new Headers(headers),
        body,
        // following a redirect would send the prompt, and some keys, to another host
        redirect: 'manual',
        signal,
      })
      const response = await asked.catch((error: unknown) => {
        isRejected = true
        throw error
      })
      if (isCanceled) response.body?.cancel().catch(ignore)
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
        isCanceled = true
        // if undici refuses the content codings, its body has no error listener: an abort would
        // throw there
        if (isRejected) return
        reader?.cancel(reason).catch(ignore)
        controller.abort(reason)
      },
      // fetch does not expose whether its connection was reused, or received bytes
      isStale: () => false,
    }
  }

const ignore = () => {}
