import { expect } from 'chai'
import koffi from 'koffi'
import { ckf } from '../../src/pkcs11/constants.ts'
import { TokenProblem } from '../../src/pkcs11/error.ts'
import { encryptGcm } from '../../src/pkcs11/keys.ts'
import type { Library } from '../../src/pkcs11/library.ts'
import { Token } from '../../src/pkcs11/token.ts'
import { Secret } from '../../src/util/secret.ts'

/** A library with one token in slot 7, and the functions that were called. SoftHSM neither locks PINs nor chooses IVs. */
class FakeLibrary {
  readonly called: string[] = []
  ownIv: Uint8Array | undefined
  readonly #flags: bigint
  #ivAt = 0n

  constructor(flags: bigint) {
    this.#flags = flags
  }

  call(name: string, values: readonly unknown[]): number {
    this.called.push(name)
    if (name === 'C_GetTokenInfo') {
      const info = values[1] as Buffer
      info.write('lab'.padEnd(32))
      info.writeBigUInt64LE(this.#flags, 96)
    }
    if (name === 'C_GetSlotList') {
      ;(values[1] as Buffer).writeBigUInt64LE(7n)
      ;(values[2] as Buffer).writeBigUInt64LE(1n)
    }
    // CK_MECHANISM: type, pParameter; CK_GCM_PARAMS begins with pIv.
    if (name === 'C_EncryptInit')
      this.#ivAt = koffi.decode((values[1] as Buffer).readBigUInt64LE(8), 'void *') as bigint
    return 0
  }

  /** Encrypts, and puts an IV of its own where the caller's stands, as HSMs with FIPS rules do. */
  bytes(): Buffer {
    if (this.ownIv) koffi.encode(this.#ivAt, koffi.array('uint8', 12), [...this.ownIv])
    return Buffer.from('ciphertext')
  }
}

const open = (library: FakeLibrary, place = {}): Token =>
  Token.open(library as unknown as Library, { tokenLabel: 'lab', pin: new Secret('1234'), ...place })

const problem = (library: FakeLibrary, place = {}): TokenProblem => {
  try {
    open(library, place)
  } catch (thrown) {
    if (thrown instanceof TokenProblem) return thrown
  }
  throw new Error('it was opened')
}

describe('a token', () => {
  it('is found by its label, by its slot, or by both', () => {
    for (const place of [{}, { slot: '7', tokenLabel: 'lab' }, { slot: '7', tokenLabel: undefined }])
      expect(() => open(new FakeLibrary(0n), place)).to.not.throw()
    expect(problem(new FakeLibrary(0n), { slot: '8' }).message).to.equal('no token has the label "lab" in slot 8')
  })

  it('gets no PIN when one more wrong PIN would lock it, or when it is locked', () => {
    for (const [flags, message] of [
      [ckf.finalTry, /one more wrong PIN would lock the token/],
      [ckf.pinLocked, /is locked: its security officer/],
    ] as const) {
      const library = new FakeLibrary(flags)
      expect(problem(library)).to.have.property('isPin', true)
      expect(problem(library).message).to.match(message)
      expect(library.called).to.not.include('C_Login')
    }
  })

  it('encrypts with its own IV where it makes one', () => {
    const library = new FakeLibrary(0n)
    const token = open(library)
    const [ours, own] = [Buffer.alloc(12, 3), Buffer.alloc(12, 9)]
    const encrypt = (): Buffer => Buffer.from(encryptGcm(token, 1n, Buffer.alloc(32), ours, Buffer.alloc(0)).iv)
    expect(encrypt()).to.deep.equal(ours)
    library.ownIv = own
    expect(encrypt()).to.deep.equal(own)
    expect(ours).to.deep.equal(Buffer.alloc(12, 3))
  })
})
