export * from './adapter.js'
export * from './registry.js'
export * from './transport.js'
