/** SDK types as plain data, imported as types alone: no SDK code is loaded or published. */

/** Deeply readonly, with enums as their wire strings. */
export type Plain<T> = T extends string
  ? `${T}`
  : T extends readonly (infer Item)[]
    ? readonly Plain<Item>[]
    : T extends object
      ? { readonly [Key in keyof T]: Plain<T[Key]> }
      : T
