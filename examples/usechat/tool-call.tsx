/** A tool call: what goes in, what comes out, and the question whether it may run. */
import { type DynamicToolUIPart, getToolName, type ToolUIPart } from 'ai'

export interface Approval {
  readonly id: string
  readonly approved: boolean
}

interface Props {
  readonly part: ToolUIPart | DynamicToolUIPart
  readonly onAnswer: (approval: Approval) => void
}

const states: Readonly<Record<ToolUIPart['state'], string>> = {
  'input-streaming': 'preparing…',
  'input-available': 'running…',
  'approval-requested': 'may it run?',
  'approval-responded': 'running…',
  'output-available': 'done',
  'output-error': 'failed',
  'output-denied': 'not allowed',
}

export function ToolCall({ part, onAnswer }: Props) {
  const { state, input, output, errorText } = part
  const isAsked = state === 'approval-requested'
  return (
    <section className="tool" data-state={state}>
      <details open={isAsked}>
        <summary>
          <code>{getToolName(part)}</code> <span>{states[state]}</span>
        </summary>
        <pre>{pretty(input)}</pre>
        {output !== undefined && <pre>{pretty(output)}</pre>}
        {errorText && <pre>{errorText}</pre>}
      </details>
      {isAsked && (
        <p className="question">
          {[true, false].map((approved) => (
            <button
              key={String(approved)}
              type="button"
              onClick={() => onAnswer({ id: part.approval.id, approved })}
            >
              {approved ? 'Allow' : 'Do not allow'}
            </button>
          ))}
        </p>
      )}
    </section>
  )
}

const pretty = (value: unknown) =>
  typeof value === 'string' ? value : JSON.stringify(value, null, 2)
