/** One message, part by part. */
import { type FileUIPart, isToolUIPart, type SourceDocumentUIPart, type SourceUrlUIPart } from 'ai'
import type { ChatMessage } from './conversation.js'
import { Markdown } from './markdown.js'
import { type Approval, ToolCall } from './tool-call.js'

interface Props {
  readonly message: ChatMessage
  readonly isRunning: boolean
  readonly onAnswer: (approval: Approval) => void
}

export function Message({ message: { role, parts, metadata }, isRunning, onAnswer }: Props) {
  const sources = parts.filter((part) => part.type.startsWith('source-')) as Source[]
  return (
    <article className={isRunning ? `${role} running` : role} aria-busy={isRunning}>
      <h2 className="unseen">{role === 'user' ? 'You' : 'Assistant'}</h2>
      {parts.map((part, index) => {
        const key = `${part.type}-${index}`
        if (isToolUIPart(part)) return <ToolCall key={key} part={part} onAnswer={onAnswer} />
        if (part.type === 'text')
          return role === 'user' ? (
            <p key={key} className="text" dir="auto">
              {part.text}
            </p>
          ) : (
            <Markdown
              key={key}
              text={part.text}
              isGrowing={isRunning && index === parts.length - 1}
            />
          )
        if (part.type === 'reasoning')
          return (
            <details key={key} className="thought" open={part.state === 'streaming'}>
              <summary>{part.state === 'streaming' ? 'Thinking…' : 'Thoughts'}</summary>
              <p dir="auto">{part.text}</p>
            </details>
          )
        return part.type === 'file' ? <File key={key} {...part} /> : null
      })}
      {sources.length > 0 && <Sources sources={sources} />}
      {metadata?.usage && (
        <footer>
          {metadata.usage.total_tokens.toLocaleString('en')} tokens
          {metadata.usage.cost !== undefined && ` · $${metadata.usage.cost.toFixed(4)}`}
        </footer>
      )}
    </article>
  )
}

const File = ({ mediaType, url, filename = 'A file' }: FileUIPart) =>
  mediaType.startsWith('image/') ? (
    <img src={url} alt={filename} />
  ) : (
    <a href={url} download={filename}>
      {filename}
    </a>
  )

type Source = SourceUrlUIPart | SourceDocumentUIPart

const Sources = ({ sources }: { readonly sources: readonly Source[] }) => (
  <ol className="sources">
    {sources.map((source) => (
      <li key={source.sourceId}>
        {/* a model may cite any address: only pages of the web are links */}
        {source.type === 'source-url' && /^https?:/.test(source.url) ? (
          <a href={source.url} target="_blank" rel="noreferrer">
            {source.title ?? new URL(source.url).host}
          </a>
        ) : (
          source.title
        )}
      </li>
    ))}
  </ol>
)
