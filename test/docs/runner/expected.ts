import { expect } from 'chai'

/** Values by name: what an answer showed, or a command set. A command sees them as its environment. */
export type Variables = Record<string, string>

/** `…` stands for anything (alone on a line: for any lines); `$name` for a value, which its first occurrence defines. */
const wildcard = /…|\$[a-z_][a-z0-9_]*/g

const literally = (text: string): string => text.replaceAll(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`)

/** What a written answer matches. A name that it defines is a named group. */
function patternOf(expected: string, variables: Readonly<Variables>): RegExp {
  const defined = new Set<string>()
  let [pattern, end] = ['', 0]
  for (const { 0: found, index } of expected.matchAll(wildcard)) {
    pattern += literally(expected.slice(end, index))
    end = index + found.length
    const alone = [expected[index - 1], expected[end]].every((around) => around === undefined || around === '\n')
    if (found === '…') pattern += alone ? '[^]*?' : '[^\\n]*?'
    else pattern += nameOf(found.slice(1), variables, defined)
  }
  return new RegExp(`^${pattern}${literally(expected.slice(end))}$`)
}

function nameOf(name: string, variables: Readonly<Variables>, defined: Set<string>): string {
  const value = variables[name]
  if (value !== undefined) return literally(value)
  if (defined.has(name)) return `\\k<${name}>`
  defined.add(name)
  return `(?<${name}>[^\\s"]+)`
}

/** Holds a text to what is written, and defines the names that occur first in it. */
export function expectText(actual: string, expected: string, variables: Variables, about: string): void {
  const found = patternOf(expected, variables).exec(actual)
  // A plain comparison shows the difference.
  if (found === null) expect(actual, about).to.equal(expected)
  Object.assign(variables, found?.groups)
}

/** JSON as it is written in an answer: `…` among the members of an object allows further ones, as a value anything. */
export function writtenJson(text: string): unknown {
  const whole = text.replaceAll(/("(?:[^"\\]|\\.)*")|(:\s*)?…/g, (found, string, colon) =>
    string === undefined ? (colon === undefined ? '"…": "…"' : ': "…"') : found,
  )
  return JSON.parse(whole)
}

/** Holds a value to what is written: objects have these members and no others, unless `…` is among them. */
export function expectJson(actual: unknown, expected: unknown, variables: Variables, about: string): void {
  if (expected === '…') return
  if (typeof expected === 'string' && typeof actual === 'string') return expectText(actual, expected, variables, about)
  if (!isObject(expected) || !isObject(actual)) return void expect(actual, about).to.deep.equal(expected)
  expect(Array.isArray(actual), about).to.equal(Array.isArray(expected))
  const { '…': open, ...members } = expected
  const [found, written] = [Object.keys(actual), Object.keys(members)]
  if (open === undefined) expect(found, about).to.have.members(written)
  else expect(found, about).to.include.members(written)
  for (const [name, value] of Object.entries(members)) expectJson(actual[name], value, variables, `${about}: ${name}`)
}

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null
