/** Types of the official SDKs as plain data. They are imported as types alone: nothing of an SDK is loaded or published. */

/** Readonly to the ground, its enums as the strings that they are on the wire. */
export type Plain<T> = T extends string
  ? `${T}`
  : T extends readonly (infer Item)[]
    ? readonly Plain<Item>[]
    : T extends object
      ? { readonly [Key in keyof T]: Plain<T[Key]> }
      : T
