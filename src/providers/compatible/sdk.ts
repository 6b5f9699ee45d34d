export { type ResponsesClient as ChatClient, type SdkOptions, sdkTransport } from '../openai/sdk.js'
