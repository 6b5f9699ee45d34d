/** Refusals of the OpenAI API as typed errors. */
import {
  BadRequestError,
  ContentPolicyViolationError,
  type ErrorClass,
  PermissionDeniedError,
} from '../../core/index.js'
import { errorOf, type ToError } from '../../transport/index.js'

/** Codes of the Responses API that say more than the status: `ResponseError.code` of the SDK, and the error-codes page. */
export const codes: Readonly<Record<string, ErrorClass>> = {
  invalid_prompt: BadRequestError,
  invalid_encrypted_content: BadRequestError,
  bio_policy: ContentPolicyViolationError,
  misalignment_policy_violation: ContentPolicyViolationError,
  image_content_policy_violation: ContentPolicyViolationError,
  moderation_blocked: ContentPolicyViolationError,
  data_residency_mismatch: PermissionDeniedError,
  ...Object.fromEntries(
    [
      'invalid_image',
      'invalid_image_format',
      'invalid_base64_image',
      'invalid_image_url',
      'image_too_large',
      'image_too_small',
      'image_parse_error',
      'invalid_image_mode',
      'image_file_too_large',
      'unsupported_image_media_type',
      'empty_image_file',
      'failed_to_download_image',
      'image_file_not_found',
    ].map((code) => [code, BadRequestError]),
  ),
}

/** Reads `{ error: { message, type, param, code } }`, and `error` events and failed responses in a 200. */
export const toError: ToError = (failure) => errorOf(failure, { provider: 'openai', codes })
