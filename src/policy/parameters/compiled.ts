import type { Field } from '../../contract/field.ts'
import { perObject } from '../../util/caches/per-object.ts'

type Compile<C> = (values: readonly unknown[], field: Field<unknown> | undefined) => C

/** Prepares a rule's values for comparisons, once for each field. They live as long as the rule. */
export function compiledOnce<C extends object>(compile: Compile<C>): Compile<C> {
  const compiledOf = perObject<readonly unknown[], Map<Field<unknown> | undefined, C>>(() => new Map())
  return (values, field) => {
    const byField = compiledOf(values)
    const found = byField.get(field) ?? compile(values, field)
    byField.set(field, found)
    return found
  }
}
