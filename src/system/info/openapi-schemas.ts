import type { Field, FieldKind } from '../../contract/field.ts'

/** A part of an OpenAPI document. */
export type Described = Readonly<Record<string, unknown>>

const schemas: Readonly<Record<FieldKind, Described>> = {
  string: { type: 'string' },
  bool: { type: 'boolean' },
  int: { type: 'integer' },
  number: { type: 'number' },
  duration: { type: 'integer', format: 'seconds' },
  list: { type: 'array', items: { type: 'string' } },
  map: { type: 'object', additionalProperties: { type: 'string' } },
  object: { type: 'object', additionalProperties: true },
  array: { type: 'array', items: { type: 'object', additionalProperties: true } },
  base64: { type: 'string', format: 'byte' },
  any: {},
}

/** The OpenAPI schema of a field. */
export function schemaOf({ kind, sensitive, fallback, isNullable }: Field<unknown>): Described {
  const isPlain =
    typeof fallback === 'boolean' || typeof fallback === 'number' || (typeof fallback === 'string' && fallback !== '')
  return {
    ...schemas[kind],
    ...(isNullable && kind !== 'any' && { nullable: true }),
    ...(sensitive && { format: 'password' }),
    ...(isPlain && { default: fallback }),
  }
}
