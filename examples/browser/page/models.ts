/** The models that the route offers: the list is the server's. */
import { make } from './dom.js'

const key = 'tetrad.model'

export async function fillModels(select: HTMLSelectElement, url: string): Promise<void> {
  const response = await fetch(url).catch(() => undefined)
  // without the list the server chooses
  if (!response?.ok) return
  // the route answers as OpenAI's list of models does
  const { data } = (await response.json()) as { readonly data: readonly { readonly id: string }[] }
  const chosen = sessionStorage.getItem(key)
  for (const { id } of data) {
    const option = make('option', '', id)
    option.selected = id === chosen
    select.append(option)
  }
  select.addEventListener('change', () => sessionStorage.setItem(key, select.value))
}
