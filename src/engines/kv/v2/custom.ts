import { refuse } from '../../../contract/fault.ts'
import { f } from '../../../contract/field.ts'
import type { Json } from '../../../util/json.ts'
import { isMapOf, isText } from '../../../util/stored/shape.ts'

type Custom = Readonly<Record<string, string>>

const mostKeys = 64
const longestKey = 128
const longestValue = 512
const unprintable = /[\p{Cc}\p{Cf}\p{Co}\p{Cn}\p{Zl}\p{Zp}\u00a0]/u

/** Custom metadata that replaces the previous one. @throws Fault invalid_request */
export function replacedCustom(metadata: Custom): Custom | null {
  return checked(metadata)
}

/** Custom metadata with some changed; null removes. @throws Fault invalid_request */
export function changedCustom(old: Custom | null, change: Json): Custom | null {
  const all = new Map(Object.entries(old ?? {}))
  for (const [name, value] of Object.entries(change)) {
    if (value === null) all.delete(name)
    else all.set(name, textOf(name, value))
  }
  return checked(Object.fromEntries(all))
}

function textOf(name: string, value: unknown): string {
  const text = f.map('').parse({ [name]: value })?.[name]
  if (text === undefined) throw refuse('custom_metadata must be an object whose values are strings')
  return text
}

/** Whether it could have been set. */
export function isCustom(custom: unknown): boolean {
  if (!isMapOf(isText)(custom)) return false
  try {
    return checked(custom as Custom) !== null
  } catch {
    return false
  }
}

function checked(custom: Custom): Custom | null {
  const entries = Object.entries(custom)
  if (entries.length > mostKeys)
    throw refuse(`custom_metadata has ${entries.length} names; at most ${mostKeys} are kept`)
  for (const [name, value] of entries) {
    checkText('a name', name, longestKey)
    checkText('a value', value, longestValue)
  }
  return entries.length > 0 ? custom : null
}

function checkText(what: string, text: string, longest: number): void {
  if (text === '') throw refuse(`custom_metadata has ${what} that is empty`)
  if (Buffer.byteLength(text) > longest) throw refuse(`custom_metadata has ${what} of more than ${longest} bytes`)
  if (unprintable.test(text)) throw refuse(`custom_metadata has ${what} with characters that cannot be printed`)
}
