// A browser that reads an answer to its end, and tells how long its words are. Run as a child.
process.on('message', async ({ url, body }) => {
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  })
  const text = await response.text()
  // words that pieces share are counted in each format alike
  process.send({ length: text.match(/word\d+/g).join('').length })
})
