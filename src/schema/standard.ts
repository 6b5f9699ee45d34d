/** Standard Schema: conversion to JSON Schema, and validation. */
import type {
  JsonSchemaFormat,
  ResponseFormat,
  SchemaResult,
  StandardSchema,
} from '../chat/index.js'
import { BadRequestError } from '../core/index.js'

/**
 * The JSON Schema of a Standard Schema's input. Throws `BadRequestError` for a library without JSON
 * Schema, and for a schema that JSON cannot express (a date, a transform).
 */
export function toJsonSchema(schema: StandardSchema): Record<string, unknown> {
  const { jsonSchema, vendor } = schema['~standard']
  if (!jsonSchema)
    throw new BadRequestError(
      `A schema of '${vendor}' cannot be converted to JSON Schema. Use zod 4.2 or newer, arktype, or valibot with toStandardJsonSchema of @valibot/to-json-schema, or give { type: 'json_schema', json_schema: { name, schema } }`,
      { code: 'no_json_schema' },
    )
  const { $schema: _, ...json } = convert(jsonSchema, vendor)
  return json
}

const convert = (
  { input }: NonNullable<StandardSchema['~standard']['jsonSchema']>,
  vendor: string,
) => {
  try {
    return input({ target: 'draft-2020-12' })
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw new BadRequestError(`This schema of '${vendor}' has no JSON Schema: ${reason}`, {
      code: 'no_json_schema',
      cause,
    })
  }
}

/** Validates a value by the schema's own rules. */
export async function validate<Output>(
  schema: StandardSchema<unknown, Output>,
  value: unknown,
): Promise<SchemaResult<Output>> {
  return schema['~standard'].validate(value)
}

export const isStandardSchema = (value: unknown): value is StandardSchema =>
  (typeof value === 'object' || typeof value === 'function') &&
  value !== null &&
  '~standard' in value

/** The Standard Schema that a plain format was created from. */
const sources = new WeakMap<ResponseFormat, StandardSchema>()

export const sourceOf = (format: ResponseFormat): StandardSchema | undefined => sources.get(format)

/**
 * The plain JSON format of a Standard Schema, used inside the stack. Throws as `toJsonSchema` does.
 */
export function toFormat(source: StandardSchema): JsonSchemaFormat {
  const json_schema = { name: 'answer', schema: toJsonSchema(source), strict: true }
  const format: JsonSchemaFormat = { type: 'json_schema', json_schema }
  sources.set(format, source)
  return format
}
