/** Files in a message: every header that a `data:` URL may have. */
import { expect, test } from 'vitest'
import { readInlineMedia } from '../../src/chat/index.js'

test.each([
  ['data:text/plain;charset=utf-8,h%C3%A9llo', 'text/plain', btoa('h\xc3\xa9llo')],
  ['data:text/plain;charset=latin1,h%E9llo', 'text/plain', btoa('h\xc3\xa9llo')],
  ['data:text/csv;header=present;Charset="ISO-8859-1";base64,aOlsbG8=', 'text/csv', 'aMOpbGxv'],
  ['data:text/plain;charset=koi8-r,%F0', 'text/plain', btoa('\xd0\x9f')],
  ['data:text/plain;charset=utf-16le;base64,aADpAA==', 'text/plain', btoa('h\xc3\xa9')],
  ['data:text/plain;charset=nobody-knows,h%E9', 'text/plain', btoa('h\xe9')],
  ['data:application/json;charset=latin1,%E9', 'application/json', btoa('\xe9')],
  ['data:text/plain,hello%20w', 'text/plain', btoa('hello w')],
  ['data:,hi', 'text/plain', btoa('hi')],
  ['data:image/svg+xml,%3Csvg%3E', 'image/svg+xml', btoa('<svg>')],
  ['data:image/png,%89PNG', 'image/png', btoa('\x89PNG')],
  ['data:IMAGE/JPEG;base64,/9j/', 'image/jpeg', '/9j/'],
  ['DATA:image/jpg;BASE64,/9j/', 'image/jpeg', '/9j/'],
  ['data:;base64,iVBORw0KGgo=', 'image/png', 'iVBORw0KGgo='],
  ['data:application/octet-stream;base64,iVBORw0KGgo=', 'image/png', 'iVBORw0KGgo='],
  ['data:text/plain;name=a;base64,aG\nk=', 'text/plain', 'aGk='],
  ['data:audio/webm;codecs=opus;base64,-_-_', 'audio/webm', '+/+/'],
  ['iVBORw0KGgo=', 'image/png', 'iVBORw0KGgo='],
])('%s is read', (text, mediaType, base64) => {
  expect(readInlineMedia(text)).toEqual({ mediaType, base64 })
})

test('a string that is neither a data URL nor base64 is rejected', () => {
  expect(readInlineMedia('data:aaaa')).toBeUndefined()
  expect(readInlineMedia('https://example.com/a.png')).toBeUndefined()
})

test('recorded audio stays audio under any media type', () => {
  const read = readInlineMedia('data:audio/webm;base64,GkXfow==', { filename: 'voice.webm' })
  expect(read?.mediaType).toBe('audio/webm')
})
