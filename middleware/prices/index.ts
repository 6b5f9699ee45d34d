export { costUnits, costUsd } from '../../src/chat/index.js'
export { asOf } from './data.js'
export * from './prices.js'
export * from './rates.js'
