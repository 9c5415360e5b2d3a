import type { Secret } from '../util/secret.ts'
import { ckf, ckr, cku } from './constants.ts'
import { Pkcs11Error, TokenProblem } from './error.ts'
import type { Library } from './library.ts'
import { addressOf, attributes, ulongBytes, wordAt, words } from './memory.ts'

/** Which token of a library, and the PIN of its user. */
export interface TokenPlace {
  /** The number of the slot; absent: the token is found by its label. */
  readonly slot?: string
  readonly tokenLabel?: string
  readonly pin: Secret<string>
}

/** CK_TOKEN_INFO is shorter in every version; its label has 32 bytes, its flags stand after the serial number. */
const info = { bytes: 512, label: 32, flags: 96 } as const

/** The most slots that are looked at. */
const mostSlots = 1024

/** A session with a token, logged in as its user. */
export class Token {
  readonly library: Library
  readonly session: bigint

  private constructor(library: Library, session: bigint) {
    this.library = library
    this.session = session
  }

  /** @throws TokenProblem, Pkcs11Error */
  static open(library: Library, place: TokenPlace): Token {
    library.call('C_Initialize', [null])
    const slot = slotOf(library, place)
    checkPin(library, slot)
    const handle = Buffer.alloc(ulongBytes)
    library.call('C_OpenSession', [slot, ckf.serialSession | ckf.rwSession, null, null, handle])
    const token = new Token(library, wordAt(handle))
    token.#login(place.pin)
    return token
  }

  /** The objects with these attributes, whose values are wiped; two at most: whoever looks for one wants to know that there is another. */
  find(template: readonly (readonly [bigint, Uint8Array])[]): readonly bigint[] {
    this.library.call('C_FindObjectsInit', [this.session, attributes(template), template.length])
    const [handles, count] = [Buffer.alloc(2 * ulongBytes), Buffer.alloc(ulongBytes)]
    this.library.call('C_FindObjects', [this.session, handles, 2, count])
    this.library.call('C_FindObjectsFinal', [this.session])
    // Until here the library may look at them.
    for (const [, value] of template) value.fill(0)
    return Array.from({ length: Number(wordAt(count)) }, (_, at) => wordAt(handles, at))
  }

  /** An attribute of an object, of `most` bytes at most. @throws Pkcs11Error */
  attribute(object: bigint, type: bigint, most = 4096): Buffer {
    const value = Buffer.alloc(most)
    const asked = words(type, addressOf(value), most)
    this.library.call('C_GetAttributeValue', [this.session, object, asked, 1])
    return value.subarray(0, Math.min(most, Number(wordAt(asked, 2))))
  }

  /** Ends the session. What fails then fails for nobody. */
  close(): void {
    const { library, session } = this
    for (const end of [
      () => library.call('C_Logout', [session]),
      () => library.call('C_CloseSession', [session]),
      () => library.call('C_Finalize', [null]),
    ])
      try {
        end()
      } catch (thrown) {
        if (!(thrown instanceof Pkcs11Error)) throw thrown
      }
  }

  #login(pin: Secret<string>): void {
    const bytes = Buffer.from(pin.reveal())
    try {
      this.library.call('C_Login', [this.session, cku.user, bytes, bytes.length], [ckr.userAlreadyLoggedIn])
    } catch (thrown) {
      if (thrown instanceof Pkcs11Error && thrown.isPinRefused)
        throw new TokenProblem(`the token refuses the PIN (${thrown.message})`, { isPin: true })
      throw thrown
    } finally {
      bytes.fill(0)
    }
  }
}

function slotOf(library: Library, { slot, tokenLabel }: TokenPlace): bigint {
  if (slot !== undefined && tokenLabel === undefined) return BigInt(slot)
  const [ids, count] = [Buffer.alloc(mostSlots * ulongBytes), words(mostSlots)]
  library.call('C_GetSlotList', [1, ids, count])
  const slots = Array.from({ length: Number(wordAt(count)) }, (_, at) => wordAt(ids, at))
  const found = slots.filter((id) => labelOf(library, id) === tokenLabel && (slot === undefined || id === BigInt(slot)))
  if (found.length > 1) throw new TokenProblem(`several tokens have the label "${tokenLabel}": give the slot, too`)
  if (found[0] !== undefined) return found[0]
  throw new TokenProblem(`no token has the label "${tokenLabel}"${slot === undefined ? '' : ` in slot ${slot}`}`)
}

function labelOf(library: Library, slot: bigint): string | undefined {
  const bytes = Buffer.alloc(info.bytes)
  try {
    library.call('C_GetTokenInfo', [slot, bytes])
  } catch (thrown) {
    // A slot whose token is not usable does not hide the others.
    if (thrown instanceof Pkcs11Error) return undefined
    throw thrown
  }
  return bytes.toString('utf8', 0, info.label).replace(/[ \0]+$/, '')
}

/** Tokens lock, or erase their keys, after a few wrong PINs: the last try is left to a human. */
function checkPin(library: Library, slot: bigint): void {
  const bytes = Buffer.alloc(info.bytes)
  library.call('C_GetTokenInfo', [slot, bytes])
  const flags = bytes.readBigUInt64LE(info.flags)
  if (flags & ckf.pinLocked)
    throw new TokenProblem('the PIN of the token is locked: its security officer must unlock it', { isPin: true })
  if (flags & ckf.finalTry)
    throw new TokenProblem(
      'one more wrong PIN would lock the token, so this server does not try: log in with the right PIN by another tool',
      { isPin: true },
    )
}
