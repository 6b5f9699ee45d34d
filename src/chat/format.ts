/** The forms an answer can be asked in: Chat Completions' own, or a Standard Schema that gives JSON Schema. */

export type ResponseFormat =
  | { readonly type: 'text' }
  | { readonly type: 'json_object' }
  | JsonSchemaFormat

export interface JsonSchemaFormat {
  readonly type: 'json_schema'
  readonly json_schema: {
    readonly name: string
    readonly schema?: Readonly<Record<string, unknown>> | undefined
    readonly description?: string | undefined
    readonly strict?: boolean | null | undefined
  }
}

export type FormatInput = ResponseFormat | StandardSchema<unknown, unknown>

/** https://standardschema.dev, the part we use: validation, and JSON Schema where the library gives it. */
export interface StandardSchema<Input = unknown, Output = Input> {
  readonly '~standard': {
    readonly version: 1
    readonly vendor: string
    readonly validate: (
      value: unknown,
      ...rest: never[]
    ) => SchemaResult<Output> | Promise<SchemaResult<Output>>
    readonly types?: { readonly input: Input; readonly output: Output } | undefined
    readonly jsonSchema?: {
      readonly input: (options: { readonly target: 'draft-2020-12' }) => Record<string, unknown>
    }
  }
}

export type SchemaResult<Output> =
  | { readonly value: Output; readonly issues?: undefined }
  | { readonly issues: readonly SchemaIssue[] }

export interface SchemaIssue {
  readonly message: string
  readonly path?: readonly (PropertyKey | { readonly key: PropertyKey })[] | undefined
}
