import { expect } from 'chai'
import * as fc from 'fast-check'
import { keyType, keyTypes } from '../../src/crypto/keys/key-types.ts'
import type { KeyTypeName } from '../../src/crypto/keys/key-types.ts'
import { randomBytes } from '../../src/crypto/fast/random.ts'
import { decryptText, encryptText } from '../../src/engines/transit/formats/ciphertext.ts'
import { LiveKey, uncounted } from '../../src/keys/live-key.ts'
import { newKey, newVersion, rotated } from '../../src/keys/record.ts'
import type { KeyRecord } from '../../src/keys/record.ts'
import { faultOf } from '../support/seal-manager.ts'
import { unaudited } from '../support/requests/key-spec.ts'

const types = (Object.keys(keyTypes) as KeyTypeName[]).filter((type) => keyType(type).cipher?.authenticated)
const kinds = [
  { derived: false, convergent: false },
  { derived: true, convergent: false },
  { derived: true, convergent: true },
] as const

async function keyOf(type: KeyTypeName, kind: (typeof kinds)[number], versions = 3): Promise<KeyRecord> {
  const spec = { name: 'k', type, size: null, exportable: false, plaintextBackup: false, autoRotatePeriod: 0, ...kind }
  let key = newKey(spec, await newVersion(spec, randomBytes, 0))
  while (key.latest < versions) key = rotated(key, await newVersion(key, randomBytes, 0))
  return key
}

const bytes = fc.uint8Array({ maxLength: 300 })
const some = fc.uint8Array({ minLength: 1, maxLength: 40 })
const text = (raw: Uint8Array) => Buffer.from(raw).toString('base64')
/** A ciphertext with one bit of its body turned over. */
function tampered(ciphertext: string, at: number): string {
  const [, tag = '', body = ''] = /^(vault:v\d+:)(.*)$/.exec(ciphertext) ?? []
  const raw = Buffer.from(body, 'base64')
  raw[at % raw.length] = (raw[at % raw.length] as number) ^ (1 << (at % 8))
  return tag + raw.toString('base64')
}

for (const type of types)
  for (const kind of kinds)
    describe(`${type}, derived ${kind.derived}, convergent ${kind.convergent}`, () => {
      let live: LiveKey
      before(async () => {
        live = new LiveKey(await keyOf(type, kind), uncounted(randomBytes))
      })
      const message = fc.record({
        plaintext: bytes,
        context: some,
        associated: bytes,
        version: fc.integer({ min: 0, max: 3 }),
      })

      it('decrypts its ciphertexts, with any version, context and associated data', async () => {
        await fc.assert(
          fc.asyncProperty(message, async ({ plaintext, context, associated, version }) => {
            const binding = { associated, ...(kind.derived && { context: text(context) }) }
            const made = await encryptText(live, plaintext, version, binding, unaudited)
            expect(made.key_version).to.equal(version || 3)
            expect(Buffer.from(await decryptText(live, made.ciphertext, binding)).equals(plaintext)).to.equal(true)
            const again = (await encryptText(live, plaintext, version, binding, unaudited)).ciphertext
            expect(again === made.ciphertext, 'equal ciphertexts').to.equal(kind.convergent)
          }),
          { numRuns: 40 },
        )
      })

      it('refuses a changed ciphertext, other associated data, another context and another version', async () => {
        await fc.assert(
          fc.asyncProperty(
            message,
            some,
            fc.nat(5000),
            async ({ plaintext, context, associated, version }, other, at) => {
              const binding = { associated, ...(kind.derived && { context: text(context) }) }
              const { ciphertext, key_version: number } = await encryptText(
                live,
                plaintext,
                version,
                binding,
                unaudited,
              )
              const refused = async (wrong: string, how: typeof binding) =>
                expect(await faultOf(decryptText(live, wrong, how))).to.have.property('code', 'invalid_request')
              await refused(tampered(ciphertext, at), binding)
              await refused(ciphertext.replace(/v\d+/, `v${(number % 3) + 1}`), binding)
              await refused(ciphertext, { ...binding, associated: Buffer.concat([associated, other]) })
              if (kind.derived)
                await refused(ciphertext, { ...binding, context: text(Buffer.concat([context, other])) })
            },
          ),
          { numRuns: 40 },
        )
      })

      it('a ciphertext of a view decrypts in that view only, whatever the context is', async () => {
        const key = await keyOf(type, kind)
        const own = new LiveKey(key, uncounted(randomBytes))
        const contexts = kind.derived ? [text(Buffer.from(`one\n${key.uuid}`)), 'Yw=='] : [undefined]
        const views = [undefined, 'one', 'two', '']
        for (const from of views)
          for (const to of views)
            for (const context of contexts) {
              const made = await own.encrypt(Buffer.from('x'), 0, { view: from, context }, unaudited)
              const decrypted = (async () => own.decrypt(made, { view: to, context }))()
              if (from === to) expect(Buffer.from(await decrypted).toString()).to.equal('x')
              else expect(await faultOf(decrypted), `${from} ${to}`).to.have.property('code', 'invalid_request')
            }
        const other = new LiveKey({ ...key, uuid: 'another' }, uncounted(randomBytes))
        const [context] = contexts
        const made = await own.encrypt(Buffer.from('x'), 0, { view: 'one', context }, unaudited)
        await faultOf((async () => other.decrypt(made, { view: 'one', context }))())
      })

      it('0.9.0: refuses every short or strange ciphertext', async () => {
        const binding = kind.derived ? { context: 'Yw==' } : {}
        const { ciphertext } = await encryptText(live, Buffer.alloc(64, 'x'), 0, binding, unaudited)
        const body = Buffer.from(ciphertext.slice('vault:v3:'.length), 'base64')
        const wrong = Array.from({ length: 65 }, (_, size) => `vault:v3:${body.subarray(0, size).toString('base64')}`)
        const prefixes = Array.from({ length: ciphertext.length }, (_, size) => ciphertext.slice(0, size))
        const strange = ['vault:v0:', 'vault:v-1:', 'vault:v999999999999:', 'vault:v3:*', 'vault:v:', 'vault:v3', 'v3:']
        for (const one of [...wrong, ...prefixes, ...strange, ...strange.map((tag) => tag + body.toString('base64'))])
          expect(await faultOf(decryptText(live, one, binding)), one).to.have.property('code', 'invalid_request')
      })

      it('keeps to its minimum versions', async () => {
        const key = await keyOf(type, kind, 4)
        const binding = kind.derived ? { context: 'Yw==' } : {}
        const made = await Promise.all(
          [1, 2, 3, 4].map((version) =>
            encryptText(new LiveKey(key, uncounted(randomBytes)), Buffer.from('x'), version, binding, unaudited),
          ),
        )
        const limits = fc.record({
          minDecryption: fc.integer({ min: 1, max: 4 }),
          minEncryption: fc.integer({ min: 0, max: 4 }),
        })
        await fc.assert(
          fc.asyncProperty(limits, async ({ minDecryption, minEncryption }) => {
            const limited = new LiveKey({ ...key, minDecryption, minEncryption }, uncounted(randomBytes))
            for (const { ciphertext, key_version: version } of made) {
              const decrypt = () => decryptText(limited, ciphertext, binding)
              if (version < minDecryption) expect((await faultOf(decrypt())).message).to.include('too old')
              else expect(Buffer.from(await decrypt()).toString()).to.equal('x')
              const encrypt = () => encryptText(limited, Buffer.from('x'), version, binding, unaudited)
              if (version < Math.max(minDecryption, minEncryption)) await faultOf(encrypt())
              else expect((await encrypt()).key_version).to.equal(version)
            }
            await faultOf(encryptText(limited, Buffer.from('x'), 5, binding, unaudited))
            await faultOf(encryptText(limited, Buffer.from('x'), -1, binding, unaudited))
          }),
          { numRuns: 20 },
        )
      })
    })

describe('convergent encryption', () => {
  it('0.10.2: nonces come from a key of the context, so a plaintext cannot be confirmed without it', async () => {
    const kind = { derived: true, convergent: true } as const
    const [one, other] = [await keyOf('aes256-gcm96', kind), await keyOf('aes256-gcm96', kind)]
    const nonce = async (key: KeyRecord, context: string, plaintext: string) => {
      const live = new LiveKey(key, uncounted(randomBytes))
      const { ciphertext } = await encryptText(live, Buffer.from(plaintext), 0, { context }, unaudited)
      return Buffer.from(ciphertext.slice('vault:v3:'.length), 'base64').subarray(0, 12).toString('hex')
    }
    const pairs = [
      [one, 'YQ==', 'x'],
      [one, 'Yg==', 'x'],
      [other, 'YQ==', 'x'],
      [one, 'YQ==', 'y'],
    ] as const
    const seen = await Promise.all(pairs.map(async ([key, context, plaintext]) => nonce(key, context, plaintext)))
    expect(new Set(seen).size).to.equal(4)
    expect(await nonce(one, 'YQ==', 'x')).to.equal(seen[0])
  })
})
