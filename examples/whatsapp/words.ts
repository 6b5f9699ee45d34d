/** What the bot says by itself: put it into your language and tone. */
export const system =
  'You answer in WhatsApp: short and friendly. Lines in square brackets tell of what is not text.'

export const words = {
  sorry: 'Something went wrong here. Please try again in a minute.',
  capped: 'That was all for today. Write to me again tomorrow!',
  moment: 'One moment, I am still at your earlier messages.',
  goOn: 'Shall I go on?',
  nothing: 'I have no answer to that.',
  late: '[It came too late to be answered.]',
  tooLarge: 'That is too large for me. Please send something smaller.',
  gone: 'I could not open that. Please send it again.',
  noVoice: 'I cannot listen to voice messages. Please write to me.',
  unreadable: 'I can open pictures, voice messages and PDF files only.',
} as const
