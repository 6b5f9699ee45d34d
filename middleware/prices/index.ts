export * from './cost.js'
export { asOf } from './data.js'
export * from './prices.js'
export * from './rates.js'
