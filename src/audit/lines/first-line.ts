import { linkOf } from './chain.ts'
import type { Link } from './chain.ts'
import { CompactRange } from '../checkpoints/tree.ts'

/** The predecessor of a log that is not the first one of its device. */
export interface Follows {
  /** The id of the log before; '' where it had none. */
  readonly log: string
  readonly size: number
  /** The leaf hash of its last line, base64. */
  readonly leaf: string
  readonly why: string
}

/** The contents of the first line of a file (docs/formats.md, `sys/audit/begin`). */
export interface Begin {
  readonly format: 1
  readonly log: string
  readonly origin: string
  readonly device: string
  readonly file: number
  readonly size: number
  /** Base64; absent if they were not known. */
  readonly peaks?: readonly string[]
  readonly keys: readonly string[]
  readonly previous?: string
  readonly follows?: Follows
}

/** Parses the first line of a file: its content, and its place in the chain. Undefined for another line. */
export function readBegin(line: string): { readonly begin: Begin; readonly link: Link } | undefined {
  const link = linkOf(line)
  if (!link || !line.includes('"path":"sys/audit/begin"')) return undefined
  const begin = dataOf(line)
  if (begin?.format !== 1 || begin.size !== link.seq - 1 || !Array.isArray(begin.keys)) return undefined
  if (!/^[0-9a-f]{32}$/.test(String(begin.log)) || typeof begin.origin !== 'string') return undefined
  return Number.isSafeInteger(begin.file) && Number(begin.file) > 0 ? { begin: begin as Begin, link } : undefined
}

function dataOf(line: string): Partial<Begin> | undefined {
  try {
    const { request } = JSON.parse(line) as { readonly request?: { readonly path?: unknown; readonly data?: unknown } }
    const data = request?.path === 'sys/audit/begin' ? request.data : undefined
    return typeof data === 'object' && data !== null ? data : undefined
  } catch {
    return undefined
  }
}

/** The tree before a file, from its first line; undefined if it is missing or invalid. */
export function rangeBefore({ size, peaks }: Begin): CompactRange | undefined {
  try {
    return (
      peaks &&
      new CompactRange(
        size,
        peaks.map((peak) => Buffer.from(peak, 'base64')),
      )
    )
  } catch {
    return undefined
  }
}

/** The origin of a log: the name in its checkpoints and keys. */
export function originOf(device: string, id: string): string {
  const named = encodeURIComponent(device.replace(/\/$/, ''))
  // A name of a C2SP cosignature has at most 255 bytes.
  return `strongroom/${named.length <= 150 ? named : 'audit'}/${id}`
}

/** The time at which a file was begun, from its first line; epoch milliseconds. */
export function begunAt(head: string | undefined): number | undefined {
  const time = Date.parse(/^\{"time":"([^"]{20,40})"/.exec(head ?? '')?.[1] ?? '')
  return Number.isNaN(time) ? undefined : time
}
