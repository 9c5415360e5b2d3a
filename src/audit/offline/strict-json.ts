import { isUtf8 } from 'node:buffer'

/** Why bytes are not one JSON object as a server writes it: strict, UTF-8, no name twice. Undefined when they are. */
export function notStrict(line: Buffer): string | undefined {
  if (!isUtf8(line)) return 'it is not UTF-8'
  const text = line.toString('utf8')
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    return 'it is not JSON'
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return 'it is not a JSON object'
  // Written again it is mostly the same; only what is not needs a closer look.
  if (JSON.stringify(value) === text) return undefined
  if (/\s/.test(text.replace(quoted, '""'))) return 'it has blanks that no server wrote'
  return hasSameNames(text) ? 'it has a name twice' : undefined
}

const quoted = /"(?:[^"\\]|\\.)*"/gs
const token = /"(?:[^"\\]|\\.)*"|[{}[\],:]/gs

/** Whether an object in valid JSON has two members of one name: readers differ in which one they see. */
function hasSameNames(json: string): boolean {
  const open: (Set<string> | undefined)[] = []
  let before = ''
  for (const [found] of json.matchAll(token)) {
    if (found === '{') open.push(new Set())
    else if (found === '[') open.push(undefined)
    else if (found === '}' || found === ']') open.pop()
    else if (found === ':') {
      const names = open.at(-1)
      const name = JSON.parse(before) as string
      if (names?.has(name)) return true
      names?.add(name)
    }
    before = found
  }
  return false
}
