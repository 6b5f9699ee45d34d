/** Where the visitor writes: text and pictures. Enter sends, Shift and Enter makes a new line. */
import { type FormEvent, type KeyboardEvent, type RefObject, useEffect, useState } from 'react'

interface Props {
  readonly isBusy: boolean
  readonly box: RefObject<HTMLTextAreaElement | null>
  readonly onSend: (message: { text: string; files: FileList }) => void
  readonly onStop: () => void
}

export function Composer({ isBusy, box, onSend, onStop }: Props) {
  const [text, setText] = useState('')
  const [files, setFiles] = useState<FileList>()
  const isEmpty = text.trim() === '' && !files?.length

  // the first key writes
  useEffect(() => box.current?.focus(), [box])

  const send = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault()
    if (isBusy || isEmpty) return
    onSend({ text, files: files ?? new DataTransfer().files })
    setText('')
    setFiles(undefined)
  }
  const sendOnEnter = (event: KeyboardEvent<HTMLTextAreaElement>) => {
    // Enter also ends the choice of a character in languages that are typed with a composer
    if (event.key !== 'Enter' || event.shiftKey || event.nativeEvent.isComposing) return
    event.preventDefault()
    event.currentTarget.form?.requestSubmit()
  }
  return (
    <form onSubmit={send} autoComplete="off">
      <label className="attach" title="Add pictures">
        {files?.length ? files.length : '+'}
        <input
          type="file"
          accept="image/*"
          multiple
          aria-label="Add pictures"
          // the same picture can be chosen again
          value=""
          onChange={({ target }) => setFiles(copyOf(target.files))}
        />
      </label>
      <textarea
        ref={box}
        dir="auto"
        rows={1}
        value={text}
        maxLength={4000}
        placeholder="Write a message"
        aria-label="Message"
        enterKeyHint="send"
        onChange={({ target }) => setText(target.value)}
        onKeyDown={sendOnEnter}
      />
      {isBusy ? (
        <button type="button" aria-label="Stop" onClick={onStop}>
          ■
        </button>
      ) : (
        <button type="submit" aria-label="Send" disabled={isEmpty}>
          ↑
        </button>
      )}
    </form>
  )
}

/** The list of an input is emptied with it. */
function copyOf(files: FileList | null): FileList {
  const copy = new DataTransfer()
  for (const file of files ?? []) copy.items.add(file)
  return copy.files
}
