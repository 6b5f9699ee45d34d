import { expect, test } from 'vitest'
import { toArguments } from '../../src/chat/index.js'

test.each([
  ['nothing', undefined, {}, false],
  ['no text', ' \n', {}, false],
  ['an object', '{"a":1}', { a: 1 }, false],
  ['an object that is no text', { a: 1 }, { a: 1 }, false],
  ['what broke off', '{"a":[1', { a: [1] }, true],
  ['a comma too many', '{"a":1,}', { a: 1 }, true],
  ['null as text', 'null', {}, true],
  ['a list', '[1,2]', { input: [1, 2] }, true],
  ['a number that is no text', 3, { input: 3 }, true],
  ['a list that broke off', '[1', { input: [1] }, true],
  ['what is past repair', 'hello {', { input: 'hello {' }, true],
])('arguments that are %s are an object', (_, given, input, isRepaired) => {
  expect(toArguments(given)).toEqual({ input, isRepaired })
})
