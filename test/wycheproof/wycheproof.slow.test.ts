import { createHash } from 'node:crypto'
import { expect } from 'chai'
import { derValue, tags } from '../../src/crypto/encoding/der.ts'
import type { KeyTypeName } from '../../src/crypto/keys/key-types.ts'
import { pem } from '../../src/crypto/encoding/pem.ts'
import { quantumAlgorithms } from '../../src/crypto/keys/post-quantum-keys.ts'
import type { QuantumName } from '../../src/crypto/keys/post-quantum-keys.ts'
import { Numeral } from '../../src/util/json.ts'
import type { Json } from '../../src/util/json.ts'
import { Lab } from './lab.ts'
import { b64, files } from './vectors.ts'
import type { Case, File, Group } from './vectors.ts'

const text = (group: Group, name: string): string => String(group[name])
const tagged = (version: number, hex: string): string => `vault:v${version}:${b64(hex)}`
/** SHA-256 and SHA3-256 by Vault's names. */
const hashOf = (group: Group): string =>
  text(group, 'sha')
    .replace(/^SHA-(\d{3})/, 'sha2-$1')
    .replace('SHA-1', 'sha1')
    .replace('SHA3', 'sha3')

const aeads: Readonly<Record<string, Readonly<Record<string, KeyTypeName>>>> = {
  aes_gcm: { '128 96': 'aes128-gcm96', '192 96': 'aes192-gcm96', '256 96': 'aes256-gcm96' },
  aes_gcm_siv: { '128 96': 'aes128-gcm-siv', '256 96': 'aes256-gcm-siv' },
  aes_cbc_pkcs5: { '128 128': 'aes128-cbc', '256 128': 'aes256-cbc' },
  chacha20_poly1305: { '256 96': 'chacha20-poly1305' },
  xchacha20_poly1305: { '256 192': 'xchacha20-poly1305' },
}
/** The bytes of a whole HMAC. */
const wholeMac = (name: string): number => (name === 'hmac_sha1' ? 20 : Number(name.slice(-3)) / 8)
const curves: Readonly<Record<string, string>> = {
  '256r1': 'ecdsa-p256',
  '384r1': 'ecdsa-p384',
  '521r1': 'ecdsa-p521',
  '256k1': 'ecdsa-secp256k1',
}

describe('Wycheproof over HTTP', function () {
  this.timeout(10 * 60_000)
  let lab: Lab
  before(async () => {
    lab = await Lab.open()
  })
  after(() => lab.close())

  /** One test for each file. Groups with keys of their own go eight at a time: the threads are kept busy. */
  const each = (names: RegExp, check: (file: File, group: Group) => Promise<void>): void => {
    for (const file of files(names))
      it(file.name, async () => {
        for (let at = 0; at < file.groups.length; at += 8)
          await Promise.all(file.groups.slice(at, at + 8).map(async (group) => check(file, group)))
      })
  }

  each(/^(?:aes_gcm|aes_cbc|x?chacha)/, async ({ name }, { tests, ...group }) => {
    const type = aeads[name]?.[`${String(group['keySize'])} ${String(group['ivSize'])}`]
    if (!type)
      return lab.skip(
        tests,
        'AES-192-CBC, and nonces of other sizes than those of the type: there are no such ciphertexts here',
      )
    const key = await lab.restored(
      type,
      tests.map((test) => ({ key: b64(test['key']) })),
    )
    const items = tests.map(({ iv = '', ct = '', tag = '', aad }, at) => ({
      ciphertext: tagged(at + 1, iv + ct + tag),
      associated_data: b64(aad),
    }))
    const results = await lab.batch(`decrypt/${key}`, items)
    for (const [at, test] of tests.entries()) {
      lab.judge(name, test, results[at]?.['error'] === undefined)
      if (test.result === 'valid') expect(results[at]?.['plaintext']).to.equal(b64(test['msg']))
    }
  })

  each(/^(?:hmac|aes_cmac)/, async ({ name }, { tests, ...group }) => {
    const [bits, cut] = [Number(group['keySize']), Number(group['tagSize']) / 8]
    const isCmac = name === 'aes_cmac'
    if (!isCmac && bits < 256)
      return lab.skip(tests, 'HMAC keys under 32 bytes: keys of type hmac have 32 to 512, as in Vault')
    if (!isCmac && cut !== wholeMac(name)) return lab.skip(tests, 'HMACs that were cut: they are always whole here')
    const type = isCmac ? (`aes${bits}-cmac` as KeyTypeName) : 'hmac'
    const known = !isCmac || [128, 192, 256].includes(bits)
    const key = await lab.restored(
      known ? type : 'aes128-cmac',
      tests.map((test) => ({ key: b64(test['key']) })),
    )
    if (!known) return tests.forEach((test) => lab.judge(name, test, key !== undefined))
    const items = tests.map(({ msg, tag = '' }, at) => ({
      input: b64(msg),
      [isCmac ? 'cmac' : 'hmac']: tagged(at + 1, tag),
    }))
    const hash = name
      .replace(/^hmac_sha(?=\d{3})/, 'sha2-')
      .replace('hmac_sha1', 'sha1')
      .replace('hmac_sha3_', 'sha3-')
    const results = await lab.batch(`verify/${key}`, items, isCmac ? { mac_length: cut } : { hash_algorithm: hash })
    for (const [at, test] of tests.entries()) lab.judge(name, test, results[at]?.['valid'] === true)
  })

  const verify = async (
    name: string,
    tests: readonly Case[],
    key: string | undefined,
    how: Readonly<Record<string, unknown>>,
  ) => {
    const encoding = how['marshaling_algorithm'] === 'jws' ? 'base64url' : 'base64'
    const items = tests.map(({ msg, sig = '' }) => ({
      input: b64(msg),
      signature: `vault:v1:${Buffer.from(sig, 'hex').toString(encoding)}`,
    }))
    const results = key === undefined ? [] : await lab.batch(`verify/${key}`, items, how)
    for (const [at, test] of tests.entries()) lab.judge(name, test, results[at]?.['valid'] === true)
  }

  each(/^ed25519/, async ({ name }, group) => {
    await verify(name, group.tests, await lab.imported('ed25519', { pem: text(group, 'publicKeyPem') }), {})
  })

  for (const { name, groups } of files(/^ecdsa/))
    it(name, async () => {
      const type = curves[/secp(\w{5})/.exec(name)?.[1] ?? ''] as KeyTypeName
      const jws = name.endsWith('p1363')
      const point = ({ publicKey }: Group): Json => {
        const { wx, wy } = publicKey as Readonly<Record<'wx' | 'wy', string>>
        const number = (hex: string) => new Numeral(BigInt(`0x${hex}`).toString())
        return { ec_x: number(wx), ec_y: number(wy) }
      }
      const key = await lab.restored(type, groups.map(point))
      expect(key, 'all public keys').to.not.equal(undefined)
      const tests = groups.flatMap((group, at) => group.tests.map((test) => ({ test, version: at + 1 })))
      const items = tests.map(({ test: { msg, sig = '' }, version }) => {
        const signature = Buffer.from(sig, 'hex').toString(jws ? 'base64url' : 'base64')
        return { input: b64(msg), signature: `vault:v${version}:${signature}` }
      })
      const [group] = groups
      const how = { hash_algorithm: group && hashOf(group), marshaling_algorithm: jws ? 'jws' : 'asn1' }
      const results = await lab.batch(`verify/${key}`, items, how)
      for (const [at, { test }] of tests.entries()) lab.judge(name, test, results[at]?.['valid'] === true)
    })

  const rsaType = ({ keySize }: Group): string | undefined =>
    [2048, 3072, 4096].includes(Number(keySize)) ? `rsa-${String(keySize)}` : undefined
  const otherRsa = 'RSA keys of other sizes than 2048, 3072 and 4096 bits: there are no such types'
  const otherMask = 'a mask of RSA padding with another hash than the message: there is one hash here'

  each(/^rsa_(?:signature|pss)/, async ({ name }, group) => {
    const type = rsaType(group)
    const isPss = name.startsWith('rsa_pss')
    if (!type) return lab.skip(group.tests, otherRsa)
    if (isPss && group['mgfSha'] !== group['sha']) return lab.skip(group.tests, otherMask)
    if (/SHA-512\/|SHAKE/.test(text(group, 'sha')))
      return lab.skip(group.tests, 'SHA-512/224, SHA-512/256 and SHAKE: hashes that Vault’s API has no names for')
    const key = await lab.imported(type, { pem: text(group, 'publicKeyPem') })
    expect(key, `${name}: a public key`).to.not.equal(undefined)
    const tests = isPss && group['sLen'] === 0 ? group.tests.filter(({ result }) => result === 'valid') : group.tests
    const others = group.tests.filter((test) => !tests.includes(test))
    lab.skip(others, 'wrong PSS signatures for a salt of no bytes: salt_length 0 is any salt, as in Vault')
    const padding = isPss ? { salt_length: group['sLen'] } : { signature_algorithm: 'pkcs1v15' }
    await verify(name, tests, key, { hash_algorithm: hashOf(group), ...padding })
  })

  each(/^rsa_pkcs1/, async ({ name }, group) => {
    const key = await lab.imported(rsaType(group) ?? '', { hex: text(group, 'privateKeyPkcs8') })
    const items = group.tests.map(({ msg }) => ({ input: b64(msg) }))
    const results = await lab.batch(`sign/${key}`, items, {
      hash_algorithm: hashOf(group),
      signature_algorithm: 'pkcs1v15',
    })
    for (const [at, test] of group.tests.entries()) {
      lab.judge(name, test, results[at]?.['error'] === undefined)
      expect(results[at]?.['signature'], `${name} ${test.tcId}`).to.equal(tagged(1, test['sig'] ?? ''))
    }
  })

  each(/^rsa_oaep/, async ({ name }, group) => {
    const type = rsaType(group)
    if (!type) return lab.skip(group.tests, otherRsa)
    if (group['mgfSha'] !== group['sha']) return lab.skip(group.tests, otherMask)
    const key = await lab.imported(type, { hex: text(group, 'privateKeyPkcs8') })
    const hash = text(group, 'sha').replace('-', '')
    const items = group.tests.map(({ ct = '', label }) => ({
      ciphertext: tagged(1, ct),
      hash_function: hash,
      oaep_label: b64(label),
    }))
    const results = await lab.batch(`decrypt/${key}`, items)
    for (const [at, test] of group.tests.entries()) {
      lab.judge(name, test, results[at]?.['error'] === undefined)
      if (test.result === 'valid') expect(results[at]?.['plaintext']).to.equal(b64(test['msg']))
    }
  })

  /** A public key in PEM, whatever its length. */
  const quantumPem = (type: QuantumName, hex: string): string => {
    const algorithm = derValue(tags.sequence, derValue(tags.oid, Buffer.from(quantumAlgorithms[type].oid, 'hex')))
    const bits = derValue(tags.bitString, Buffer.from(`00${hex}`, 'hex'))
    return pem('PUBLIC KEY', derValue(tags.sequence, algorithm, bits))
  }
  const quantumType = (name: string): QuantumName => name.replace(/^ml(dsa|kem)_(\d+).*$/, 'ml-$1-$2') as QuantumName
  const publicRaw = async (key: string): Promise<unknown> =>
    ((await lab.read(`export/public-key/${key}?format=raw`))['keys'] as Readonly<Record<string, string>>)['1']

  each(/^mldsa_\d+_verify/, async ({ name }, group) => {
    const type = quantumType(name)
    const key = await lab.imported(type, { pem: quantumPem(type, text(group, 'publicKey')) })
    await verify(
      name,
      group.tests.filter(({ ctx = '' }) => ctx === ''),
      key,
      {},
    )
    for (const test of group.tests.filter(({ ctx = '' }) => ctx !== '')) {
      const { msg, sig = '', ctx } = test
      const made = { input: b64(msg), signature: tagged(1, sig), signature_context: b64(ctx) }
      const answer = key === undefined ? undefined : await lab.asked(`verify/${key}`, made)
      lab.judge(name, test, answer?.['valid'] === true)
    }
  })

  each(/^mldsa_\d+_sign_seed/, async ({ name }, group) => {
    const hex = text(group, 'privateKeyPkcs8' in group ? 'privateKeyPkcs8' : 'privateSeed')
    const key = await lab.imported(quantumType(name), { hex })
    for (const test of group.tests) lab.judge(name, test, key !== undefined)
    if (key) expect(await publicRaw(key)).to.equal(b64(text(group, 'publicKey')))
  })

  const eachCase = (names: RegExp, check: (name: string, test: Case) => Promise<void>): void =>
    each(names, async ({ name }, { tests }) => {
      for (let at = 0; at < tests.length; at += 8)
        await Promise.all(tests.slice(at, at + 8).map(async (test) => check(name, test)))
    })

  eachCase(/^mlkem_\d+$/, async (name, test) => {
    const key = await lab.imported(quantumType(name), { hex: test['seed'] ?? '' })
    const found = key && (await lab.asked(`decapsulate/${key}`, { ciphertext: tagged(1, test['c'] ?? '') }))
    lab.judge(name, test, found !== undefined)
    if (test.result === 'valid') expect(found).to.deep.equal({ shared_secret: b64(test['K']) })
  })

  eachCase(/^mlkem_\d+_keygen/, async (name, test) => {
    const key = await lab.imported(quantumType(name), { hex: test['seed'] ?? '' })
    lab.judge(name, test, key !== undefined)
    const open = key && Buffer.from(String(await publicRaw(key)), 'base64')
    if (open) expect(createHash('sha256').update(open).digest('hex')).to.equal(test['ekSha256'])
  })

  eachCase(/^mlkem_\d+_encaps/, async (name, test) => {
    const type = quantumType(name)
    const key = await lab.imported(type, { pem: quantumPem(type, test['ek'] ?? '') })
    lab.judge(name, test, key !== undefined && (await lab.asked(`encapsulate/${key}`, {})) !== undefined)
  })
})
