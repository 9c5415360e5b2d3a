import { refuse } from '../contract/fault.ts'
import { pick } from '../util/pick.ts'
import { parseHcl } from '../util/hcl/hcl.ts'
import { HclError } from '../util/hcl/values.ts'
import type { HclItem, HclValue } from '../util/hcl/values.ts'

/** The rules for generated passwords (Vault: sys/policies/password). Lengths in characters, not bytes. */
export interface PasswordPolicy {
  readonly length: number
  readonly rules: readonly CharsetRule[]
}

/** At least so many characters of a set. */
interface CharsetRule {
  readonly characters: readonly string[]
  readonly least: number
}

const shortest = 4
const longest = 100
/** Passwords from a single character would all be equal. */
const leastCharacters = 2

/** Parses a password policy in HCL or JSON. @throws Fault invalid_request with the error and its position. */
export function parsePasswordPolicy(source: string): PasswordPolicy {
  try {
    return checked(parseHcl(source))
  } catch (thrown) {
    if (thrown instanceof HclError) throw refuse(`the password policy cannot be read, at ${thrown.message}`)
    throw thrown
  }
}

function checked(items: readonly HclItem[]): PasswordPolicy {
  let length = 0
  const rules: CharsetRule[] = []
  for (const { key, labels, value, at } of items) {
    if (key === 'length' && labels.length === 0) length = wholeOf(value, 'length')
    else if (key === 'rule') rules.push(...rulesOf(labels, value))
    else throw new HclError(`"${key}" is not known here; a password policy has a length and rules`, at)
  }
  if (length < shortest || length > longest)
    throw refuse(`the length of a password policy lies between ${shortest} and ${longest}`)
  if (rules.length === 0) throw refuse('a password policy needs at least one rule "charset"')
  if (allOf(rules).length < leastCharacters)
    throw refuse('every password of this policy would be the same: its charsets need two different characters or more')
  if (rules.reduce((sum, { least }) => sum + least, 0) > length)
    throw refuse('the rules ask for more characters than the length of the password policy allows')
  return { length, rules }
}

/** `rule "charset" { … }`, or in JSON `"rule": [{"charset": { … }}]`. */
function rulesOf(labels: readonly string[], value: HclValue): CharsetRule[] {
  if (value.kind === 'list') return value.items.flatMap((item) => rulesOf(labels, item))
  if (value.kind !== 'object') throw new HclError('a rule is a block', value.at)
  const [kind, ...more] = labels
  if (kind === undefined) return value.items.flatMap((item) => rulesOf([item.key, ...item.labels], item.value))
  if (kind !== 'charset' || more.length > 0)
    throw new HclError(`the only kind of rule is "charset", not "${labels.join('" "')}"`, value.at)
  return [charsetOf(value.items, value)]
}

function charsetOf(items: readonly HclItem[], { at }: HclValue): CharsetRule {
  let rule: CharsetRule = { characters: [], least: 0 }
  for (const { key, value, at: place } of items) {
    if (key === 'charset') rule = { ...rule, characters: charactersOf(value) }
    else if (key === 'min-chars') rule = { ...rule, least: wholeOf(value, 'min-chars') }
    else throw new HclError(`"${key}" is not known in a charset rule`, place)
  }
  if (rule.characters.length === 0) throw new HclError('a charset rule needs a charset', at)
  return rule
}

function charactersOf(value: HclValue): readonly string[] {
  if (value.kind !== 'string') throw new HclError('"charset" must be a string', value.at)
  const characters = [...new Set(value.value)]
  if (characters.some((character) => /[^\P{C}]/u.test(character)))
    throw new HclError('"charset" may hold printable characters only', value.at)
  return characters
}

function wholeOf(value: HclValue, name: string): number {
  if (value.kind === 'number' && Number.isSafeInteger(value.value) && value.value >= 0) return value.value
  throw new HclError(`"${name}" must be a whole number, 0 or more`, value.at)
}

/** The different characters of all rules. */
function allOf(rules: readonly CharsetRule[]): readonly string[] {
  return [...new Set(rules.flatMap(({ characters }) => characters))]
}

/** A password that satisfies every rule. The positions of the characters for the rules are random as well. */
export function generatePassword({ length, rules }: PasswordPolicy, random: (bytes: number) => Uint8Array): string {
  const pickedFrom = (from: readonly string[]): string => from[pick(from.length, random)] as string
  const all = allOf(rules)
  const made = rules.flatMap(({ characters, least }) => Array.from({ length: least }, () => pickedFrom(characters)))
  while (made.length < length) made.push(pickedFrom(all))
  for (let at = made.length - 1; at > 0; at--) {
    const other = pick(at + 1, random)
    ;[made[at], made[other]] = [made[other] as string, made[at] as string]
  }
  return made.join('')
}
