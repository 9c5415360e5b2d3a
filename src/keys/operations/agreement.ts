import { createPublicKey, diffieHellman } from 'node:crypto'
import type { KeyObject } from 'node:crypto'
import { refuse } from '../../contract/fault.ts'
import { native } from '../../crypto/keys/pair-key.ts'
import { hkdfSha256 } from '../../crypto/kdf.ts'
import { keyType } from '../../crypto/keys/key-types.ts'
import { wipe } from '../../util/bytes.ts'
import type { LiveKey } from '../live-key.ts'

/** The peer, our version (0: the latest), and the number of bytes. `peer` is a public key in PEM. */
interface Agreement {
  readonly version: number
  readonly peer: string
  readonly size: number
}

/**
 * The secret that an elliptic-curve key shares with a peer: ECDH (NIST SP 800-56A), then HKDF-SHA-256 without salt and info.
 * @throws Fault invalid_request for keys that cannot agree.
 */
export function agreed(base: LiveKey, { version, peer, size }: Agreement): Uint8Array {
  base.mustAllow('derive')
  const number = version === 0 ? base.record.latest : version
  const { privateKey } = base.pair(number, undefined)
  if (!privateKey) throw refuse('this version has no private key: only its public key was imported')
  base.used(number)
  const shared = diffieHellman({ privateKey: native(privateKey), publicKey: peerOf(base, peer) })
  const key = hkdfSha256(shared)(new Uint8Array(), size)
  wipe(shared)
  return key
}

/** The peer's key; OpenSSL refuses points that are not on the curve. */
function peerOf(base: LiveKey, pem: string): KeyObject {
  let key: KeyObject | undefined
  try {
    key = pem.includes('PRIVATE KEY') ? undefined : createPublicKey(pem)
  } catch {
    key = undefined
  }
  if (!key || !keyType(base.record.type).pair?.fits(key)) {
    throw refuse(`peer_public_key is no PEM of a public key on the curve of ${base.record.type}`)
  }
  return key
}
