import { createHash } from 'node:crypto'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { brotliCompressSync, constants } from 'node:zlib'
import { jwsFile, vectorsFile } from './vectors.ts'
import type { Case, File, Group, JwsGroup } from './vectors.ts'

// Makes the vectors beside the tests, of a copy of Wycheproof:
//   node build/test/wycheproof/compact.js ../wycheproof/testvectors_v1

/** What transit can do anything with; test/wycheproof/README.md says what is left out, and why. */
const wanted =
  /^(?:aes_(?:gcm|gcm_siv|cbc_pkcs5|cmac)|x?chacha20_poly1305|ed25519|hmac_sha(?:1|224|256|384|512|3_\d+)|ecdsa_secp(?:256r1|384r1|521r1|256k1)_sha(?:256|384|512|3_\d+)(?:_p1363)?|rsa_signature_(?:2048|3072|4096)_sha(?:224|256|384|512|3_\d+)|rsa_pss_(?:(?:2048|3072|4096)_sha(?:1|256|384|512)_mgf1_\d+|misc)|rsa_pkcs1_(?:2048|3072|4096)_sig_gen|rsa_oaep_(?:(?:2048|3072|4096)_sha\d+_mgf1sha\d+|misc)|mldsa_\d+_(?:verify|sign_seed)|mlkem_\d+(?:_encaps|_keygen_seed)?)_test\.json$/
const dropped = new Set([
  'publicKeyDer',
  'publicKeyJwk',
  'publicKeyAsn',
  'privateKeyJwk',
  'privateKeyPem',
  'privateKey',
  'keyAsn',
  'keyDer',
  'keyPem',
  'keyJwk',
  'source',
  'comment',
  'dk',
  'mu',
  'm',
])

const [folder = ''] = process.argv.slice(2)
const files = readdirSync(folder)
  .filter((name) => wanted.test(name))
  .toSorted()
  .map((name): File => {
    const { testGroups } = JSON.parse(readFileSync(join(folder, name), 'utf8'), (key, value: unknown) =>
      dropped.has(key) ? undefined : value,
    ) as { readonly testGroups: readonly Group[] }
    return { name: name.replace(/_test\.json$/, ''), groups: testGroups.map((group) => thinned(name, group)) }
  })

/** SHA-256 of bytes in hexadecimal. */
function digest(hex = ''): string {
  return createHash('sha256').update(Buffer.from(hex, 'hex')).digest('hex')
}

/** Signatures that nobody can repeat, because ours are randomised, and what the tests find out by themselves. */
function thinned(name: string, group: Group): Group {
  const { tests } = group
  if (name.includes('sign_seed'))
    return { ...group, tests: tests.slice(0, 1).map((test) => without(test, 'sig', 'msg')) }
  if (name.includes('encaps')) {
    const invalid = tests.filter(({ result }) => result === 'invalid')
    return { ...group, tests: invalid.map((test) => without(test, 'c', 'K')) }
  }
  if (name.includes('keygen')) {
    const digests = tests.map((test) => ({ ...without(test, 'ek'), ekSha256: digest(test['ek']) }) as unknown as Case)
    return { ...group, tests: digests }
  }
  return name.startsWith('mlkem') ? { ...group, tests: tests.map((test) => without(test, 'ek')) } : group
}

function without(test: Case, ...names: readonly string[]): Case {
  return Object.fromEntries(Object.entries(test).filter(([name]) => !names.includes(name))) as Case
}

const text = Buffer.from(JSON.stringify(files))
const params = {
  [constants.BROTLI_PARAM_LGWIN]: 24,
  [constants.BROTLI_PARAM_QUALITY]: 11,
  [constants.BROTLI_PARAM_SIZE_HINT]: text.length,
}
writeFileSync(vectorsFile, brotliCompressSync(text, { params }))

const jws = JSON.parse(readFileSync(join(folder, 'json_web_signature_test.json'), 'utf8')) as {
  readonly testGroups: readonly (Omit<JwsGroup, 'public'> & Partial<JwsGroup>)[]
}
const groups = jws.testGroups
  .filter((group) => group.public !== undefined)
  .map((group) => ({
    comment: group.comment,
    public: group.public,
    tests: group.tests.map(({ tcId, jws: token, result }) => ({ tcId, jws: token, result })),
  }))
writeFileSync(jwsFile, brotliCompressSync(JSON.stringify(groups)))
