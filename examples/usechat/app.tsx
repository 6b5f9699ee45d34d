/** The page: one conversation, kept in the tab. */
import { useState } from 'react'
import { createRoot } from 'react-dom/client'
import { Chat } from './chat.js'
import { load, newConversation } from './conversation.js'

function App() {
  const [conversation, setConversation] = useState(load)
  return (
    <Chat
      key={conversation.id}
      conversation={conversation}
      onNew={() => setConversation(newConversation())}
    />
  )
}

createRoot(document.body).render(<App />)
