import type { NewShares, RekeyStatus } from '../../contract/seal.ts'
import { Fault, refuse } from '../../contract/fault.ts'
import { f } from '../../contract/field.ts'
import { base64, hex } from '../../util/bytes.ts'

const progressMembers = {
  nonce: f.string('The id of the operation.'),
  started: f.bool('One is in progress.'),
  t: f.int('How many of the new shares are needed.'),
  n: f.int('The number of new shares.'),
  progress: f.int('The shares provided so far.'),
}

/** The members of `statusBody` and `madeBody`. */
export const rekeyMembers = {
  ...progressMembers,
  required: f.int('How many of the present shares are needed.'),
  pgp_fingerprints: f.list('The PGP keys that the shares are encrypted for.').orNull(),
  backup: f.bool('Whether a copy of the encrypted shares is stored.'),
  verification_required: f.bool('Whether the new shares become valid only after a threshold of them was submitted.'),
  verification_nonce: f.string('The id of the verification; empty: none is in progress.'),
  complete: f.bool('Whether the new shares exist.'),
  keys: f.list('The new shares, hex.').secret(),
  keys_base64: f.list('The same, base64.').secret(),
}

/** The members of `verifyBody`, and of the last response of a verification. */
export const verificationMembers = { ...progressMembers, complete: f.bool('Whether the new shares are valid.') }

/** The fingerprints in Vault's format: null if the shares are in plaintext. */
const printsOf = ({ fingerprints, backup }: Pick<RekeyStatus, 'fingerprints' | 'backup'>): Record<string, unknown> =>
  fingerprints.length > 0 ? { pgp_fingerprints: fingerprints, backup } : { pgp_fingerprints: null, backup }

/** `whole`: as without a token; otherwise brief, like the recorded servers. */
export function statusBody(status: RekeyStatus, whole: boolean): Record<string, unknown> {
  const { started, shares, threshold, required, nonce, progress, verify, verificationNonce } = status
  const compact = { started, t: threshold, n: shares, required }
  if (whole)
    return {
      nonce,
      ...compact,
      progress,
      ...printsOf(status),
      verification_required: verify,
      ...(verificationNonce && { verification_nonce: verificationNonce }),
    }
  return started
    ? {
        ...compact,
        nonce,
        progress,
        ...(status.fingerprints.length > 0 && printsOf(status)),
        verification_required: verify,
        verification_nonce: verificationNonce,
      }
    : compact
}

/** @throws Fault with `missing` if no rekey is in progress. */
export function verifyBody(status: RekeyStatus, missing: string): Record<string, unknown> {
  if (!status.started) throw refuse(missing)
  return {
    nonce: status.verificationNonce,
    started: status.verificationNonce !== '',
    t: status.threshold,
    n: status.shares,
    progress: status.verificationProgress,
  }
}

/** The warning for operators if it is unknown which shares are valid. */
export const unsettledText =
  'the storage failed without reporting whether the new shares are valid, so the server sealed itself: either the new or the old shares unseal it; keep both until you know'

/** The new shares. @throws Fault, with them, if it is not known whether they are valid. */
export function madeBody(made: NewShares, plain: boolean): Record<string, unknown> {
  const keys = { keys: made.shares.map(hex), keys_base64: made.shares.map(base64) }
  if (made.unsettled) throw new Fault('unavailable', unsettledText, { data: { nonce: made.nonce, ...keys } })
  return {
    nonce: made.nonce,
    complete: true,
    ...keys,
    ...printsOf(made),
    verification_required: made.verify,
    ...((made.verificationNonce !== '' || !plain) && { verification_nonce: made.verificationNonce }),
  }
}
