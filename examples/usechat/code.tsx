/** A block of code: its language, and a button that copies it. */
import { useRef, useState } from 'react'
import type { ExtraProps } from 'react-markdown'

export function Code({ node }: ExtraProps) {
  const code = useRef<HTMLPreElement>(null)
  const [label, setLabel] = useState('Copy')
  const { language, text } = contentOf(node)

  const copy = async () => {
    try {
      await navigator.clipboard.writeText(text)
      setLabel('Copied')
    } catch {
      // without TLS or a permission: selected, it is one key away
      if (code.current) getSelection()?.selectAllChildren(code.current)
      setLabel('Selected')
    }
    setTimeout(setLabel, 2_000, 'Copy')
  }
  return (
    <div className="code" dir="ltr">
      <div className="bar">
        <span>{language}</span>
        <button type="button" onClick={() => void copy()}>
          {label}
        </button>
      </div>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: wide code is scrolled, with the keyboard too */}
      <pre ref={code} tabIndex={0}>
        <code>{text}</code>
      </pre>
    </div>
  )
}

/** What the tree of a block of code says. */
function contentOf(node: ExtraProps['node']) {
  const [code] = node?.children ?? []
  if (code?.type !== 'element') return { language: 'text', text: '' }
  const [text] = code.children
  const [name] = [code.properties.className].flat()
  return {
    language: `${name ?? 'language-text'}`.replace('language-', ''),
    text: text?.type === 'text' ? text.value.replace(/\n$/, '') : '',
  }
}
