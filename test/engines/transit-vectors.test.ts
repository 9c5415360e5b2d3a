import { existsSync, readFileSync } from 'node:fs'
import { expect } from 'chai'
import { Fault } from '../../src/contract/fault.ts'
import { isKeyType } from '../../src/crypto/keys.ts'
import { randomBytes } from '../../src/crypto/random.ts'
import { LiveKey } from '../../src/engines/transit/live-key.ts'
import { newKey } from '../../src/engines/transit/record.ts'
import type { KeyRecord } from '../../src/engines/transit/record.ts'

interface Row {
  readonly version: number
  readonly plaintext: string
  readonly ciphertext: string
  readonly context?: string
  readonly associated_data?: string
}
interface Vector {
  readonly name: string
  readonly type: string
  readonly derived?: boolean
  readonly convergent_encryption?: boolean
  readonly history?: unknown
  readonly versions: Readonly<Record<string, { readonly encryption_key?: string; readonly hmac_key?: string }>>
  readonly encrypt?: readonly Row[]
  readonly datakeys?: readonly Row[]
  readonly refused?: readonly (Row & { readonly why: string })[]
}

const file = '../shared/parity/vectors/transit.json'

/** The vector's key as a record of ours. */
function recordOf(vector: Vector): KeyRecord | undefined {
  if (!isKeyType(vector.type) || vector.history) return undefined
  const base = newKey(
    {
      name: vector.name,
      type: vector.type,
      derived: vector.derived ?? false,
      convergent: vector.convergent_encryption ?? false,
      exportable: false,
      plaintextBackup: false,
      autoRotatePeriod: 0,
    },
    randomBytes,
    0,
  )
  const entries = Object.entries(vector.versions)
  if (entries.some(([, { encryption_key: key }]) => !key)) return undefined
  const versions = Object.fromEntries(
    entries.map(([number, { encryption_key: material = '', hmac_key: mac = '' }]) => [
      number,
      { id: number, createdAt: 0, origin: 'generated' as const, material, mac },
    ]),
  )
  return { ...base, versions, latest: entries.length }
}

describe('transit vectors made by OpenBao', () => {
  if (!existsSync(file)) return
  const { keys } = JSON.parse(readFileSync(file, 'utf8')) as { readonly keys: readonly Vector[] }
  const bind = (row: Row) => ({
    ...(row.context && { context: row.context }),
    ...(row.associated_data && { associated: Buffer.from(row.associated_data, 'base64') }),
  })
  let rows = 0

  for (const vector of keys) {
    const record = recordOf(vector)
    if (!record) continue
    it(`${vector.name}: every ciphertext and data key opens`, () => {
      const key = new LiveKey(record, randomBytes)
      for (const row of [...(vector.encrypt ?? []), ...(vector.datakeys ?? [])]) {
        expect(Buffer.from(key.decrypt(row.ciphertext, bind(row))).toString('base64')).to.equal(row.plaintext)
        rows++
      }
    })
    it(`${vector.name}: what must be refused is refused`, () => {
      const key = new LiveKey(record, randomBytes)
      for (const row of vector.refused ?? [])
        expect(() => key.decrypt(row.ciphertext, bind(row)), row.why).to.throw(Fault)
    })
    if (vector.convergent_encryption) {
      it(`${vector.name}: equal input gives the recorded bytes again`, () => {
        const key = new LiveKey(record, randomBytes)
        for (const row of vector.encrypt ?? [])
          expect(key.encrypt(Buffer.from(row.plaintext, 'base64'), row.version, bind(row)).ciphertext).to.equal(
            row.ciphertext,
          )
      })
    }
  }
  after(() => expect(rows).to.be.greaterThan(50))
})
