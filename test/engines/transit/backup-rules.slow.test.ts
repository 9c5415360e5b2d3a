import { expect } from 'chai'
import * as fc from 'fast-check'
import { keyType, keyTypes } from '../../../src/crypto/keys/key-types.ts'
import type { KeyTypeName } from '../../../src/crypto/keys/key-types.ts'
import { Numeral, readJson, writeJson } from '../../../src/util/json.ts'
import { devServer } from '../../support/server.ts'
import type { Body, TestServer } from '../../support/server.ts'

type Json = Record<string, unknown>
type Path = readonly (string | number)[]

const input = Buffer.from('some text').toString('base64')
const context = Buffer.from('a context').toString('base64')

/** RSA of the larger sizes and most post-quantum types take seconds; they differ in their sizes only. */
const types = (Object.keys(keyTypes) as KeyTypeName[]).filter(
  (type) => !/^(rsa-[34]|slh-dsa|ml-dsa-[68]|ml-kem-(768|1024))/.test(type),
)
const settings = (type: KeyTypeName): readonly Body[] => {
  const { derivable, convergent, sizes } = keyType(type)
  const plain = sizes ? { key_size: 64 } : {}
  return [
    plain,
    ...(derivable ? [{ derived: true }] : []),
    ...(convergent ? [{ derived: true, convergent_encryption: true }] : []),
  ]
}

/** Values that are wrong, or dangerous, somewhere. */
const hostile: readonly unknown[] = [
  undefined,
  null,
  true,
  false,
  0,
  -1,
  1,
  2,
  4,
  1.5,
  31,
  513,
  1000,
  1_000_000,
  1_500_000_000,
  2 ** 31,
  2 ** 53 - 1,
  -(2 ** 53 - 1),
  new Numeral('1e21'),
  new Numeral('-1e21'),
  new Numeral('1e400'),
  new Numeral('0.5'),
  new Numeral('999999999'),
  new Numeral('9223372036854775807'),
  new Numeral('9'.repeat(1000)),
  '',
  ' ',
  '1',
  'AAAA',
  'AA==',
  '!',
  Buffer.alloc(16, 1).toString('base64'),
  Buffer.alloc(32, 1).toString('base64'),
  Buffer.alloc(64, 1).toString('base64'),
  Buffer.alloc(513, 1).toString('base64'),
  'a/b',
  '../a',
  '\u0000',
  'x'.repeat(2000),
  '275760-09-13T00:00:00Z',
  '+275760-09-13T00:00:00.000Z',
  '9999-12-31T23:59:59Z',
  '0001-01-01T00:00:00Z',
  '1969-12-31T23:59:59Z',
  'yesterday',
  [],
  [null],
  [1],
  ['AAAA'],
  [input],
  {},
  { '0': {} },
  { '1': {} },
  { '1000000': {} },
]

function parsed(backup: string): Json {
  return readJson(Buffer.from(backup, 'base64').subarray(0, -1)) as Json
}

function written(root: unknown): string {
  return Buffer.from(writeJson(root)).toString('base64')
}

/** Every place in a backup: members, entries of lists, and the containers themselves. */
function places(value: unknown, at: Path = []): readonly Path[] {
  const inside = value === null || typeof value !== 'object' || value instanceof Numeral ? [] : Object.entries(value)
  return [...(at.length > 0 ? [at] : []), ...inside.flatMap(([name, part]) => places(part, [...at, name]))]
}

/** A copy with another value at a place; undefined takes it away. */
function changed(value: unknown, [name, ...rest]: Path, to: unknown): unknown {
  if (name === undefined) return to
  const next = changed((value as Json)[name], rest, to)
  if (Array.isArray(value)) {
    return value.flatMap((item: unknown, at) => (at === Number(name) ? (next === undefined ? [] : [next]) : [item]))
  }
  const copy: Json = { ...(value as Json), [name]: next }
  if (next === undefined) delete copy[name]
  return copy
}

/** Two more ways of being wrong: a part of another place, and a number that is off by a little. */
function variant(root: Json, at: Path, other: Path): unknown {
  const value = at.reduce<unknown>((part, name) => (part as Json)[name], root)
  if (value instanceof Numeral) return new Numeral(String(BigInt(value.literal) + 2n))
  if (typeof value === 'number') return value + 1
  return other.reduce<unknown>((part, name) => (part as Json)[name], root)
}

describe('backups that were changed, over HTTP', function () {
  this.timeout(180_000)
  let server: TestServer
  const backups = new Map<string, string>()
  let count = 0
  before(async () => {
    server = await devServer()
    await server.data('POST', 'sys/mounts/transit', { type: 'transit' })
    for (const type of types) {
      for (const [at, more] of settings(type).entries()) await prepare(`${type}-${at}`, { type, ...more })
    }
  })
  after(() => server.running.stop())

  /** A key of three versions, the first archived, and its backup. */
  async function prepare(key: string, wish: Body): Promise<void> {
    const all = { exportable: true, allow_plaintext_backup: true, auto_rotate_period: '720h' }
    await server.data('POST', `transit/keys/${key}`, { ...wish, ...all })
    for (let at = 0; at < 2; at++) await server.data('POST', `transit/keys/${key}/rotate`)
    await server.data('POST', `transit/keys/${key}/config`, { min_decryption_version: 2, min_encryption_version: 3 })
    backups.set(key, String((await server.data('GET', `transit/backup/${key}`))['backup']))
  }

  /** The names of all keys. */
  async function keysNow(): Promise<unknown> {
    return (await server.data('GET', 'transit/keys?list=true'))['keys']
  }

  /** Rotates a key, and says its newest version. One rotation is quick: no value makes a key of gigabytes. A busy machine may be late once or twice. */
  async function rotatedQuickly(key: string, latest: number): Promise<number> {
    for (let newest = latest + 1; ; newest++) {
      const began = performance.now()
      const rotated = await server.data('POST', `transit/keys/${key}/rotate`)
      const took = performance.now() - began
      expect(rotated['latest_version']).to.equal(newest)
      if (took < 5000) return newest
      expect(newest - latest, 'slow rotations').to.be.lessThan(3)
    }
  }

  /** All that a key does, with every version that it may use, and after a rotation. Tells what was wrong. */
  async function obeys(key: string, type: KeyTypeName): Promise<void> {
    const read = await server.data('GET', `transit/keys/${key}`)
    const number = (name: string): number => Number(read[name])
    const [latest, available] = [number('latest_version'), number('min_available_version')]
    const [decrypts, encrypts] = [number('min_decryption_version'), number('min_encryption_version')]
    expect(available <= decrypts && decrypts >= 1 && decrypts <= latest, 'limits').to.equal(true)
    expect(encrypts === 0 ? available === 0 : encrypts >= decrypts && encrypts <= latest, 'limits').to.equal(true)
    const period = number('auto_rotate_period')
    expect(period === 0 || (period >= 3600 && period <= 9_223_372_036), 'period').to.equal(true)
    await server.data('POST', `transit/keys/${key}/config`, {
      exportable: true,
      allow_plaintext_backup: true,
      deletion_allowed: true,
    })
    await works(key, type, read['derived'] === true, decrypts, latest)
    const newest = await rotatedQuickly(key, latest)
    await works(key, type, read['derived'] === true, newest, newest)
    const { backup } = await server.data('GET', `transit/backup/${key}`)
    await server.data('POST', `transit/restore/again`, { backup, force: true })
    await server.data('DELETE', `transit/keys/${key}`)
  }

  async function works(key: string, type: KeyTypeName, derived: boolean, first: number, last: number): Promise<void> {
    const { uses, keyBytes, sizes, pair } = keyType(type)
    const bound = derived ? { context } : {}
    const { keys: macs } = (await server.data('GET', `transit/export/hmac-key/${key}`)) as { readonly keys: Body }
    for (let version = first; version <= last; version++) {
      const bytes = Buffer.from(String(macs[version]), 'base64').length
      expect(bytes, 'size of an HMAC key').to.be.within(32, type === 'hmac' ? 512 : 32)
      const { hmac } = await server.data('POST', `transit/hmac/${key}`, { input })
      const verified = await server.data('POST', `transit/verify/${key}`, { input, hmac })
      expect(verified['valid'], 'an HMAC').to.equal(true)
      if (uses.includes('encrypt') && !pair) {
        const { keys } = (await server.data('GET', `transit/export/encryption-key/${key}`)) as { readonly keys: Body }
        expect(Buffer.from(String(keys[version]), 'base64').length).to.equal(sizes ? undefined : keyBytes)
      }
    }
    if (uses.includes('encrypt')) {
      const { ciphertext } = await server.data('POST', `transit/encrypt/${key}`, { plaintext: input, ...bound })
      const opened = await server.data('POST', `transit/decrypt/${key}`, { ciphertext, ...bound })
      expect(opened['plaintext']).to.equal(input)
    }
    if (uses.includes('sign')) {
      const { signature } = await server.data('POST', `transit/sign/${key}`, { input, ...bound })
      const verified = await server.data('POST', `transit/verify/${key}`, { input, signature, ...bound })
      expect(verified['valid'], 'a signature').to.equal(true)
    }
    if (uses.includes('encapsulate')) {
      const made = await server.data('POST', `transit/encapsulate/${key}`)
      const found = await server.data('POST', `transit/decapsulate/${key}`, { ciphertext: made['ciphertext'] })
      expect(found['shared_secret']).to.equal(made['shared_secret'])
    }
  }

  /** Restores it under another name: either nothing at all changes, or there is a key like any other. */
  async function judged(root: unknown, type: KeyTypeName): Promise<'refused' | 'restored'> {
    const name = `changed-${count++}`
    const before = await keysNow()
    const reply = await server.call('POST', `/v1/transit/restore/${name}`, { backup: written(root) })
    if (reply.status === 400) {
      expect(await keysNow()).to.deep.equal(before)
      expect((await server.call('GET', `/v1/transit/keys/${name}`)).status).to.equal(404)
      return 'refused'
    }
    expect(reply.status, reply.text).to.be.oneOf([200, 204])
    const { type: found } = await server.data('GET', `transit/keys/${name}`)
    const state = await server.data('GET', `transit/keys/${name}/metadata`)
    if (state['state'] !== 'enabled') await server.data('POST', `transit/keys/${name}/soft-delete-restore`)
    // A key that was only imported is not rotated; that it can be used was seen by others like it.
    const importedOnly = (await server.data('GET', `transit/keys/${name}`))['imported_key'] === true
    if (importedOnly) {
      await server.data('POST', `transit/keys/${name}/config`, { deletion_allowed: true })
      await server.data('DELETE', `transit/keys/${name}`)
    } else await obeys(name, (found ?? type) as KeyTypeName)
    return 'restored'
  }

  for (const type of types)
    for (const [at] of settings(type).entries())
      it(`are refused, or are a key like any other: ${type}, ${JSON.stringify(settings(type)[at])}`, async () => {
        const root = parsed(backups.get(`${type}-${at}`) ?? '')
        const all = places(root)
        expect(await judged(root, type)).to.equal('restored')
        const place = fc.constantFrom(...all)
        await fc.assert(
          fc.asyncProperty(place, fc.option(fc.constantFrom(...hostile)), place, fc.boolean(), async (...drawn) => {
            const [where, value, other, own] = drawn
            const to = own ? variant(root, where, other) : value
            await judged(changed(root, where, to), type)
          }),
          { numRuns: 25 },
        )
      })

  for (const key of ['hmac-0'])
    it(`are refused, or are a key like any other, for every setting and every hostile value: ${key}`, async () => {
      const root = parsed(backups.get(key) ?? '')
      const type = key.replace(/-\d$/, '') as KeyTypeName
      let refused = 0
      for (const name of Object.keys(root['policy'] as Json)) {
        for (const value of hostile) {
          if ((await judged(changed(root, ['policy', name], value), type)) === 'refused') refused++
        }
      }
      expect(refused).to.be.greaterThan(500)
    })

  const wrong: readonly (readonly [key: string, what: string, at: Path, value: unknown])[] = [
    ['hmac-0', 'an HMAC key of no size', ['policy', 'key_size'], 0],
    ['hmac-0', 'an HMAC key of an enormous size', ['policy', 'key_size'], 1_500_000_000],
    ['hmac-0', 'an HMAC key without a size', ['policy', 'key_size'], undefined],
    ['aes256-gcm96-0', 'a size for a type that has one', ['policy', 'key_size'], 16],
    ['hmac-0', 'an empty HMAC key', ['policy', 'keys', '3', 'hmac_key'], ''],
    ['hmac-0', 'two different HMAC keys', ['policy', 'keys', '3', 'hmac_key'], Buffer.alloc(64).toString('base64')],
    ['ed25519-0', 'a short HMAC key', ['policy', 'keys', '3', 'hmac_key'], 'AAAA'],
    ['aes256-gcm96-0', 'a period of a second', ['policy', 'auto_rotate_period'], 1e9],
    ['aes256-gcm96-0', 'a period of half a second', ['policy', 'auto_rotate_period'], 5e8],
    ['aes256-gcm96-0', 'a negative period', ['policy', 'auto_rotate_period'], -3600e9],
    ['aes256-gcm96-0', 'an endless period', ['policy', 'auto_rotate_period'], new Numeral('1e21')],
    ['aes256-gcm96-1', 'an unknown derivation', ['policy', 'kdf'], 2],
    ['aes256-gcm96-1', 'a negative derivation', ['policy', 'kdf'], -1],
    ['aes256-gcm96-2', 'convergent encryption with the older derivation', ['policy', 'kdf'], 0],
    ['aes256-gcm96-2', 'the first kind of convergent encryption', ['policy', 'convergent_version'], 0],
    ['aes256-gcm96-2', 'the second kind of it', ['policy', 'keys', '3', 'convergent_version'], 2],
    ['aes256-gcm96-2', 'convergent encryption without derivation', ['policy', 'derived'], false],
    ['ecdsa-p256-0', 'a derived key of a type without that', ['policy', 'derived'], true],
    ['aes128-cbc-1', 'a convergent key of a type without that', ['policy', 'convergent_encryption'], true],
    ['aes256-gcm96-0', 'a hole', ['archived_keys', 'keys', 1], undefined],
    ['aes256-gcm96-0', 'no archive', ['archived_keys', 'keys'], []],
    ['aes256-gcm96-0', 'a million versions', ['policy', 'latest_version'], 1_000_000],
    ['aes256-gcm96-0', 'a later latest version', ['policy', 'latest_version'], 4],
    ['aes256-gcm96-0', 'an earlier latest version', ['policy', 'latest_version'], 2],
    ['aes256-gcm96-0', 'a fraction of a version', ['policy', 'latest_version'], 2.5],
    ['aes256-gcm96-0', 'a negative minimum', ['policy', 'min_decryption_version'], -1],
    ['aes256-gcm96-0', 'a minimum that does not exist', ['policy', 'min_decryption_version'], 4],
    ['aes256-gcm96-0', 'a minimum to encrypt below that to decrypt', ['policy', 'min_encryption_version'], 1],
    ['aes256-gcm96-0', 'a minimum to encrypt that does not exist', ['policy', 'min_encryption_version'], 4],
    ['aes256-gcm96-0', 'versions that were trimmed and are there', ['policy', 'min_available_version'], 2],
    ['aes256-gcm96-0', 'an archive of other versions', ['policy', 'archive_version'], 2],
    ['aes256-gcm96-0', 'a setting that is no boolean', ['policy', 'exportable'], 'true'],
    ['aes256-gcm96-0', 'a setting that is a number', ['policy', 'deletion_allowed'], 1],
    ['aes256-gcm96-0', 'a state that is a string', ['policy', 'soft_deleted'], 'false'],
    ['aes256-gcm96-0', 'another type', ['policy', 'type'], 2],
    ['aes256-gcm96-0', 'a type of other size', ['policy', 'type'], 8],
    ['aes256-gcm96-0', 'no type', ['policy', 'type'], 99],
    ['aes256-gcm96-0', 'a time beyond all calendars', ['policy', 'keys', '2', 'time'], '+275760-09-13T00:00:00.000Z'],
    ['aes256-gcm96-0', 'a time to come', ['policy', 'keys', '2', 'time'], '9999-12-31T00:00:00Z'],
    ['aes256-gcm96-0', 'a time before all clocks', ['policy', 'keys', '2', 'time'], '1900-01-01T00:00:00Z'],
    ['aes256-gcm96-0', 'a backup to come', ['policy', 'backup_info', 'time'], '9999-12-31T00:00:00Z'],
    ['aes256-gcm96-0', 'another form of ciphertexts', ['policy', 'version_template'], 'x{{version}}'],
    ['aes256-gcm96-0', 'a certificate', ['policy', 'keys', '2', 'certificate_chain'], ['AAAA']],
    ['ecdsa-p256-0', 'a certificate that is none', ['policy', 'keys', '2', 'certificate_chain'], ['!']],
    ['ecdsa-p256-0', 'a point that is on no curve', ['policy', 'keys', '2', 'ec_x'], 5],
    ['ecdsa-p256-0', 'a private number of 0', ['policy', 'keys', '2', 'ec_d'], 0],
    ['ecdsa-p256-0', 'a private number beyond the order', ['policy', 'keys', '2', 'ec_d'], new Numeral('9'.repeat(90))],
    ['ecdsa-p256-0', 'a key of another curve', ['policy', 'type'], 6],
    ['ed25519-0', 'halves that do not belong together', ['policy', 'keys', '2', 'public_key'], input],
    ['rsa-2048-0', 'a public exponent of 1', ['policy', 'keys', '2', 'rsa_key', 'E'], 1],
    ['rsa-2048-0', 'an even one', ['policy', 'keys', '2', 'rsa_key', 'E'], 65536],
    ['rsa-2048-0', 'one prime', ['policy', 'keys', '2', 'rsa_key', 'Primes'], [7]],
    ['rsa-2048-0', 'another size', ['policy', 'type'], 4],
  ]
  for (const [key, what, at, value] of wrong)
    it(`are refused with ${what}: ${key}`, async () => {
      const type = key.replace(/-\d$/, '') as KeyTypeName
      const root = parsed(backups.get(key) ?? '')
      expect(await judged(changed(root, at, value), type)).to.equal('refused')
      // Over an existing key, too.
      const before = await server.data('GET', `transit/keys/${key}`)
      const backup = written(changed(root, at, value))
      const reply = await server.call('POST', `/v1/transit/restore/${key}`, { backup, force: true })
      expect(reply.status).to.equal(400)
      expect(await server.data('GET', `transit/keys/${key}`)).to.deep.equal(before)
    })

  it('take a public key of another key for a contradiction', async () => {
    for (const [type, member] of [
      ['ecdsa-p256', 'public_key'],
      ['ed25519', 'public_key'],
      ['ml-dsa-44', 'public_key'],
      ['ml-kem-512', 'public_key'],
    ] as const) {
      const root = parsed(backups.get(`${type}-0`) ?? '')
      const { keys } = root['policy'] as { readonly keys: Record<string, Json> }
      const mixed = changed(root, ['policy', 'keys', '2', member], keys['3']?.[member])
      expect(await judged(mixed, type), type).to.equal('refused')
    }
  })

  it('have names that keys can have', async () => {
    const root = parsed(backups.get('aes256-gcm96-0') ?? '')
    for (const name of [
      '',
      'a/b',
      'a b',
      '.',
      '..',
      '-a',
      'a.',
      'é',
      'a\n',
      '\u0000',
      'a'.repeat(2000),
      7,
      null,
      ['a'],
    ]) {
      const backup = written(changed(root, ['policy', 'name'], name))
      const reply = await server.call('POST', '/v1/transit/restore', { backup, force: true })
      expect(reply.status, JSON.stringify(name)).to.equal(400)
    }
  })

  it('may lack versions that are not usable any more: they count as trimmed, with a warning', async () => {
    const root = parsed(backups.get('ed25519-0') ?? '')
    const blank = (root['archived_keys'] as { readonly keys: readonly unknown[] }).keys[0]
    const holed = changed(root, ['archived_keys', 'keys', 1], blank)
    const reply = await server.call('POST', '/v1/transit/restore/holed', { backup: written(holed) })
    expect(reply.status).to.equal(200)
    expect(reply.body['warnings']).to.have.length(1)
    const read = await server.data('GET', 'transit/keys/holed')
    expect(read).to.include({ min_available_version: 2, min_decryption_version: 2, latest_version: 3 })
    for (const lower of [0, 1]) {
      const config = { min_decryption_version: lower }
      expect((await server.call('POST', '/v1/transit/keys/holed/config', config)).status).to.equal(400)
    }
    await obeys('holed', 'ed25519')
    // One that decrypts must be there.
    const missing = changed(changed(root, ['archived_keys', 'keys', 2], blank), ['policy', 'keys', '2'], blank)
    expect(await judged(missing, 'ed25519')).to.equal('refused')
  })
})
