/** `tetrad/ai-sdk`: a client as a language model of the AI SDK. */
export { type AiSdkModelOptions, aiSdkModel } from './model.js'
export type { AiSdkModel, Specification } from './types.js'
