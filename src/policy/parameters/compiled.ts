import type { Field } from '../../contract/field.ts'

type Compile<C> = (values: readonly unknown[], field: Field<unknown> | undefined) => C

/** Makes a rule's values ready for comparing once for each field that they are compared as. They live as long as the rule. */
export function compiledOnce<C extends object>(compile: Compile<C>): Compile<C> {
  const byValues = new WeakMap<readonly unknown[], Map<Field<unknown> | undefined, C>>()
  return (values, field) => {
    const byField = byValues.get(values) ?? new Map<Field<unknown> | undefined, C>()
    byValues.set(values, byField)
    const found = byField.get(field) ?? compile(values, field)
    byField.set(field, found)
    return found
  }
}
