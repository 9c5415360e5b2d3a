import { createSecretKey } from 'node:crypto'
import { Fault } from '../contract/fault.ts'
import type { RestoredSnapshot } from '../contract/barrier.ts'
import { restoredKey } from '../contract/barrier.ts'
import type { Entry, Storage } from '../contract/storage.ts'
import { storageLimits } from '../contract/storage.ts'
import { hmacSha256 } from '../crypto/kdf.ts'
import { isRecordKey } from '../snapshot/records.ts'
import { measure, sumsText } from '../snapshot/sums.ts'
import { fromBase64, sameBytes, textOrNone, utf8 } from '../util/bytes.ts'
import { isBase64, isFlag, isOneOf, isText, orAbsent, shapeOf } from '../util/stored/shape.ts'
import { committed } from './storing.ts'

const shape = shapeOf<RestoredSnapshot>('a note about a restored snapshot', {
  format: isOneOf(1),
  created: isText,
  meta: isText,
  state: isText,
  mac: isBase64,
  over: isOneOf('nothing', 'data'),
  revokeTokens: isFlag,
  verified: orAbsent(isBase64),
})

/** The seal of a snapshot's sums: an HMAC under a key that only this store has. */
export function snapshotMac(nameKey: Uint8Array, sums: Uint8Array): Uint8Array {
  return hmacSha256(createSecretKey(hmacSha256(createSecretKey(nameKey), utf8('strongroom: snapshots'))), sums)
}

/** The note that a restore leaves beside the records. @throws Fault internal when it is damaged */
export async function restoredSnapshot(storage: Pick<Storage, 'get'>): Promise<RestoredSnapshot | undefined> {
  const [entry] = await storage.get([restoredKey])
  if (!entry) return undefined
  const note = parsed(entry.value)
  if (!shape.is(note)) throw new Fault('internal', 'the note about the restored snapshot is damaged; restore it again')
  return note
}

/**
 * Before a restored storage is used for the first time: all of it must be what its own keys have sealed. That it is, is noted
 * under these keys, because from then on it changes. False: it was not restored, or the audit log tells of it already.
 * @throws Fault precondition_failed
 */
export async function checkRestored(storage: Storage, nameKey: Uint8Array): Promise<boolean> {
  const note = await restoredSnapshot(storage)
  if (!note) return false
  const proof = hmacSha256(createSecretKey(snapshotMac(nameKey, utf8('verified'))), utf8(note.mac))
  const verified = note.verified === undefined ? undefined : fromBase64(note.verified)
  if (verified && sameBytes(verified, proof)) return true
  const { sha256 } = await measure(allOf(storage), isRecordKey)
  const mac = fromBase64(note.mac)
  if (sha256 !== note.state || !mac || !sameBytes(mac, snapshotMac(nameKey, utf8(sumsText(note.meta, note.state)))))
    throw new Fault(
      'precondition_failed',
      'the server stays sealed: the snapshot that was restored, or the restored storage, was changed. Restore another snapshot, or the same one from another copy',
    )
  const value = utf8(JSON.stringify({ ...note, verified: Buffer.from(proof).toString('base64') }))
  await committed(storage, { ops: [{ put: restoredKey, value }] })
  return true
}

interface Page {
  readonly entries: readonly Entry[]
  readonly more: boolean
}

async function pageOf(storage: Pick<Storage, 'entries'>, from: string): Promise<Page> {
  let found: Page = { entries: [], more: false }
  await storage.entries({ prefix: '', from, limit: storageLimits.page }, (page) => {
    found = page
  })
  return found
}

async function* allOf(storage: Pick<Storage, 'entries'>): AsyncGenerator<readonly Entry[]> {
  for (let from: string | undefined = ''; from !== undefined;) {
    const page: Page = await pageOf(storage, from)
    yield page.entries
    from = page.more ? `${page.entries.at(-1)?.key ?? from}\0` : undefined
  }
}

function parsed(value: Uint8Array): unknown {
  try {
    return JSON.parse(textOrNone(value) ?? '')
  } catch {
    return undefined
  }
}
