import { hash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { pipeline } from 'node:stream'
import { createGunzip } from 'node:zlib'
import type { Link } from './chain.ts'
import { linkOf } from './chain.ts'

/** What checking audit files found. `lines` counts those before the first bad one. */
export interface Verdict {
  readonly ok: boolean
  readonly lines: number
  readonly firstBad?: BadLine
}

interface BadLine {
  readonly file: string
  readonly line: number
  readonly why: string
}

interface Line {
  readonly file: string
  /** Counted from 1. */
  readonly at: number
  readonly text: string
  readonly leaf: string
  /** False for bytes behind the last line feed. */
  readonly whole: boolean
}

const longest = 16 * 1024 * 1024

/**
 * Checks the hash chain of audit files offline and in constant memory: every line must be JSON, carry the number after
 * its predecessor's and the hash of its predecessor. Files go in the order of their first numbers, whatever order they
 * are given in; `.gz` files are unpacked; `.torn` files (set aside after a crash) are passed over. `print` gets remarks.
 * @throws when a file cannot be read.
 */
export async function verifyAuditFiles(
  paths: readonly string[],
  print: (remark: string) => void = () => {},
): Promise<Verdict> {
  const files = await inOrder(paths.filter((path) => !path.endsWith('.torn')))
  const check = new Check()
  for (const [index, file] of files.entries()) {
    for await (const line of linesOf(file)) {
      if (check.lines === 0 && !check.begun) remarkStart(line, print)
      if (!line.whole && index === files.length - 1) {
        print(`${file}: the last line is not finished (a crash, or it is being written now); it was not checked`)
        break
      }
      if (check.next(line)) return check.verdict()
    }
  }
  return check.verdict()
}

function remarkStart({ file, text }: Line, print: (remark: string) => void): void {
  const seq = linkOf(text)?.seq ?? 1
  if (seq > 1) print(`${file}: begins with line number ${seq}; the ${seq - 1} before it are not in these files`)
}

/** The state of a check: the line before, and a doubt that the next line settles. */
class Check {
  lines = 0
  begun = false
  #before: { readonly line: Line; readonly link: Link } | undefined
  /** The line before the last one does not fit to the last one: the next line tells which of them was changed. */
  #doubt: Line | undefined
  #bad: BadLine | undefined

  /** Takes the next line; true when the first bad line is known. */
  next(line: Line): boolean {
    this.begun = true
    const link = line.whole ? linkOf(line.text) : undefined
    const before = this.#before
    const vouched = before !== undefined && link?.seq === before.link.seq + 1 && link.prev === before.line.leaf
    if (this.#doubt)
      return vouched ? this.#found(this.#doubt, changed, 2) : this.#found(before?.line as Line, changed, 1)
    const why = wrong(line, link, before?.link)
    if (why !== undefined) return this.#found(line, why, 0)
    if (before && !vouched) this.#doubt = before.line
    this.#before = { line, link: link as Link }
    this.lines++
    return false
  }

  verdict(): Verdict {
    if (this.#doubt && !this.#bad) this.#found(this.#doubt, `${changed}, or the one behind it was`, 2)
    return this.#bad ? { ok: false, lines: this.lines, firstBad: this.#bad } : { ok: true, lines: this.lines }
  }

  #found({ file, at }: Line, why: string, counted: number): true {
    this.#bad = { file, line: at, why }
    this.lines -= counted
    return true
  }
}

const changed = 'it was changed: the next line holds another hash of it'

function wrong(line: Line, link: Link | undefined, before: Link | undefined): string | undefined {
  if (!link) return 'it does not end in a link of the chain: it was cut or changed, or strongroom did not write it'
  if (!isJson(line.text)) return 'it was changed: it is not JSON'
  if (!before) return (link.seq === 1) === (link.prev === '') ? undefined : 'its number does not fit to its link'
  const follows = before.seq + 1
  if (link.seq === follows) return undefined
  if (link.seq > follows) return `its number is ${link.seq} where ${follows} follows: lines are missing before it`
  return `its number is ${link.seq} where ${follows} follows: it was added, repeated or moved`
}

function isJson(text: string): boolean {
  try {
    return typeof JSON.parse(text) === 'object'
  } catch {
    return false
  }
}

async function inOrder(paths: readonly string[]): Promise<readonly string[]> {
  const known: { readonly path: string; readonly seq: number }[] = []
  for (const path of paths) {
    for await (const { text } of linesOf(path)) {
      known.push({ path, seq: linkOf(text)?.seq ?? 0 })
      break
    }
  }
  return known.sort((a, b) => a.seq - b.seq).map(({ path }) => path)
}

/** Lines by line feed alone, hashed as the bytes they are: a text decoder would hide changes. */
async function* linesOf(file: string): AsyncGenerator<Line> {
  const source = createReadStream(file)
  const bytes = file.endsWith('.gz') ? pipeline(source, createGunzip(), () => {}) : source
  let rest: Buffer[] = []
  let held = 0
  let at = 0
  const take = (end: Buffer, whole: boolean): Line => {
    const line = Buffer.concat([leafPrefix, ...rest, end])
    rest = []
    held = 0
    return { file, at: ++at, text: line.toString('utf8', 1), leaf: hash('sha256', line, 'base64'), whole }
  }
  for await (const chunk of bytes as AsyncIterable<Buffer>) {
    let from = 0
    for (let end = chunk.indexOf(10); end >= 0; end = chunk.indexOf(10, from)) {
      yield take(chunk.subarray(from, end), true)
      from = end + 1
    }
    rest.push(chunk.subarray(from))
    held += chunk.length - from
    // Nobody writes such a line; it ends the check instead of the memory.
    if (held > longest) return yield take(Buffer.alloc(0), true)
  }
  if (held > 0) yield take(Buffer.alloc(0), false)
}

const leafPrefix = Buffer.from([0])
