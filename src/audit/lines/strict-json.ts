import { isUtf8 } from 'node:buffer'
import type { JsonLimits } from '../../util/json-limits.ts'
import { JsonError, survey } from '../../util/json-limits.ts'

/** A request has at most 64 nested levels (util/json-limits.ts), and its line a few more: only the depth is limited here. */
const limits: JsonLimits = {
  bytes: Infinity,
  depth: 128,
  tokens: Infinity,
  containers: Infinity,
  digits: Infinity,
  names: Infinity,
  numerals: Infinity,
}

/**
 * Why bytes are not one JSON object in the form that a server writes: strict, UTF-8, no duplicate names, not too deep.
 * Undefined if they are. Linear in their length and without recursion, because anything may have been appended to a log.
 */
export function notStrict(line: Buffer): string | undefined {
  if (!isUtf8(line)) return 'it is not UTF-8'
  if (tooDeep(line)) return `it nests deeper than ${limits.depth} levels, which no server writes`
  const text = line.toString('utf8')
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    return 'it is not JSON'
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return 'it is not a JSON object'
  // Usually the same after serialisation; only differences need a closer look.
  return JSON.stringify(value) === text ? undefined : oddityIn(text)
}

function tooDeep(line: Buffer): boolean {
  try {
    survey(line, limits)
    return false
  } catch (thrown) {
    if (thrown instanceof JsonError) return true
    throw thrown
  }
}

/** Valid JSON that the server never writes: white space between tokens, or duplicate keys, which parsers resolve differently. */
function oddityIn(json: string): string | undefined {
  const objects: (Set<string> | undefined)[] = []
  let string = ''
  for (let at = 0; at < json.length; at++) {
    const character = json[at] as string
    if (character === '"') {
      const end = stringEnd(json, at)
      string = json.slice(at, end + 1)
      at = end
    } else if (character === '{') objects.push(new Set())
    else if (character === '[') objects.push(undefined)
    else if (character === '}' || character === ']') objects.pop()
    else if (character === ':') {
      const name = JSON.parse(string) as string
      const names = objects.at(-1)
      if (names?.has(name)) return 'it has a name twice'
      names?.add(name)
    } else if (/\s/.test(character)) return 'it has white space that no server wrote'
  }
  return undefined
}

/** Where the closing quotation mark is. */
function stringEnd(json: string, start: number): number {
  let at = start + 1
  while (at < json.length && json[at] !== '"') at += json[at] === '\\' ? 2 : 1
  return at
}
