import { refuse } from '../contract/fault.ts'
import { textOrNone } from '../util/bytes.ts'
import {
  hasMembers,
  isCount,
  isListOf,
  isMapOf,
  isName,
  isObject,
  isOneOf,
  isText,
  orAbsent,
} from '../util/stored/shape.ts'

/** The newest format that this release reads, and writes. */
export const format = 1
/** A meta.json is far smaller. */
export const longestMeta = 65_536

/** `shamir`: the shares unseal. `auto`: one of the seals does, and the shares are recovery shares. */
export interface SnapshotSeal {
  readonly type: string
  readonly shares: number
  readonly threshold: number
  /** Of `auto`: the names of the seals. */
  readonly seals?: readonly string[]
}

/** What a snapshot says of itself (`meta.json`), for everyone to read. */
export interface SnapshotMeta {
  readonly format: 1
  /** RFC 3339. */
  readonly created: string
  /** The release that made it. */
  readonly release: string
  readonly cluster_name: string
  readonly cluster_id: string
  /** What unseals the server that is restored from it. */
  readonly seal: SnapshotSeal
  /** The storage's revision, decimal. */
  readonly revision: string
  readonly records: number
  /** Bytes of `state.bin`. */
  readonly bytes: number
  /** Size and root of each audit log at that moment, by device. */
  readonly audit_heads: Readonly<Record<string, string>>
}

const isSeal = (value: unknown): boolean =>
  hasMembers<SnapshotSeal>(value, {
    type: isName,
    shares: isCount,
    threshold: isCount,
    seals: orAbsent(isListOf(isName)),
  })

/**
 * Which shares or seals unseal a restored server, as the subject and verb of a sentence.
 * @param which such as "present"; empty for none
 * @param created the time that the shares are of; empty for none
 */
export function unsealing({ shares, threshold, seals }: SnapshotSeal, which = '', created = ''): string {
  const kind = `${which === '' ? '' : `${which} `}${seals ? 'recovery keys' : 'shares'}`
  const counted = `${threshold} of the ${shares} ${kind}${created === '' ? '' : ` of ${created}`}`
  return seals ? `seals ${seals.join(', ')} unseal the server; ${counted} authorise` : `${counted} unseal the server`
}

/** @throws Fault invalid_request, also for a format of a later release */
export function readMeta(bytes: Uint8Array): SnapshotMeta {
  const meta = parsed(bytes)
  if (isObject(meta) && isCount(meta['format']) && (meta['format'] as number) > format)
    throw refuse(
      `the snapshot was made by a later release (format ${String(meta['format'])}): restore it with that one`,
    )
  const isRight =
    isObject(meta) &&
    hasMembers<SnapshotMeta>(meta, {
      format: isOneOf(format),
      created: isName,
      release: isText,
      cluster_name: isText,
      cluster_id: isText,
      seal: isSeal,
      revision: (value) => typeof value === 'string' && /^[0-9]{1,19}$/.test(value),
      records: isCount,
      bytes: isCount,
      audit_heads: isMapOf(isText),
    })
  if (!isRight) throw refuse('the file is no snapshot of strongroom: its meta.json is not one')
  return meta
}

function parsed(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(textOrNone(bytes) ?? '')
  } catch {
    return undefined
  }
}
