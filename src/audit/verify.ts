import { createReadStream } from 'node:fs'
import { createInterface } from 'node:readline'
import { leafHash, linkOf } from './chain.ts'

/** What checking audit files found. */
export interface Verdict {
  readonly ok: boolean
  readonly lines: number
  readonly firstBad?: { readonly file: string; readonly line: number; readonly why: string }
}

/**
 * Checks the hash chain of audit files, oldest first, offline and in constant memory: every line must be JSON, carry
 * the number after its predecessor's and its predecessor's hash.
 */
export async function verifyAuditFiles(paths: readonly string[]): Promise<Verdict> {
  let lines = 0
  let next: { readonly seq: number; readonly prev: string } | undefined
  for (const file of paths) {
    let at = 0
    for await (const line of createInterface({ input: createReadStream(file), crlfDelay: 0 })) {
      at++
      const why = wrong(line, next)
      if (why) return { ok: false, lines, firstBad: { file, line: at, why } }
      const link = linkOf(line)
      next = { seq: (link?.seq ?? 0) + 1, prev: leafHash(line) }
      lines++
    }
  }
  return { ok: true, lines }
}

function wrong(line: string, next: { readonly seq: number; readonly prev: string } | undefined): string | undefined {
  const link = linkOf(line)
  if (!link) return 'it does not end in a chain link: it was cut, or strongroom did not write it'
  if (!isJson(line)) return 'it is not JSON'
  if (!next)
    return link.seq === 1 && link.prev !== '' ? 'the first line of a chain cannot have a predecessor' : undefined
  if (link.seq !== next.seq)
    return `its number is ${link.seq} where ${next.seq} follows: lines were removed, added or moved`
  return link.prev === next.prev ? undefined : 'the line before it was changed'
}

function isJson(line: string): boolean {
  try {
    JSON.parse(line)
    return true
  } catch {
    return false
  }
}
