export * from './partial-json.js'
export * from './standard.js'
