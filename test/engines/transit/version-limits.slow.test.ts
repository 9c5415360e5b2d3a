import { generateKeyPairSync } from 'node:crypto'
import { expect } from 'chai'
import { keyType, keyTypes } from '../../../src/crypto/keys/key-types.ts'
import type { KeyTypeName } from '../../../src/crypto/keys/key-types.ts'
import { devServer } from '../../support/server.ts'
import type { Body, Reply, TestServer } from '../../support/server.ts'

const input = Buffer.from('some text').toString('base64')
const latest = 4

/** One size of RSA, ML-DSA and ML-KEM: the others differ in nothing but their numbers, and SLH-DSA signs as ML-DSA does. */
const types = (Object.keys(keyTypes) as KeyTypeName[]).filter(
  (type) => !/^(rsa-[34]|slh-dsa|ml-dsa-[68]|ml-kem-(768|1024))/.test(type),
)

/** The settings of a key that say which of its versions may do what. */
interface Limits {
  readonly minDecryption: number
  readonly minEncryption: number
  readonly minAvailable: number
}
const limits: readonly Limits[] = [
  { minDecryption: 1, minEncryption: 0, minAvailable: 0 },
  { minDecryption: 3, minEncryption: 0, minAvailable: 0 },
  { minDecryption: 2, minEncryption: 3, minAvailable: 0 },
  { minDecryption: 3, minEncryption: 4, minAvailable: 3 },
]

/** Which versions an operation may use: [first, last]; and what version it uses if it is asked for 0, where it may be. */
const rules = {
  makes: ({ minDecryption, minEncryption }: Limits) => [Math.max(minDecryption, minEncryption), latest],
  reads: ({ minDecryption }: Limits) => [minDecryption, latest],
} as const

/** What came of a version: the version that was used, 'ok' where no answer tells, or the refusal. */
type Outcome = number | 'ok' | 'refused'

interface Operation {
  readonly name: string
  readonly can: (type: KeyTypeName) => boolean
  readonly rule: keyof typeof rules
  /** What 0 means: the latest, or no version at all. */
  readonly zero: 'latest' | 'none'
  readonly run: (at: At, version: unknown) => Promise<Outcome>
}

/** A key with four versions, and what each of them made before there were limits. */
interface At {
  readonly server: TestServer
  readonly key: string
  readonly type: KeyTypeName
  readonly made: ReadonlyMap<number, Body>
}

const can =
  (...uses: readonly string[]) =>
  (type: KeyTypeName): boolean =>
    uses.every((use) => keyType(type).uses.some((known) => known === use))
const every = (): boolean => true
const isPair = (type: KeyTypeName): boolean => keyType(type).pair !== undefined
const isCmac = (type: KeyTypeName): boolean => keyType(type).mac === 'cmac'

const peer = Object.fromEntries(
  (
    [
      ['ecdsa-p256', 'P-256'],
      ['ecdsa-p384', 'P-384'],
      ['ecdsa-p521', 'P-521'],
      ['ecdsa-secp256k1', 'secp256k1'],
    ] as const
  ).map(([type, namedCurve]) => {
    const { publicKey } = generateKeyPairSync('ec', { namedCurve })
    return [type, publicKey.export({ type: 'spki', format: 'pem' }).toString()]
  }),
)

let fresh = 0

/** The outcome of a request that makes something with a version: it is in the answer, or in what was made. */
function madeBy({ status, body }: Reply, member: string): Outcome {
  if (status === 400) return 'refused'
  const data = (body['data'] ?? {}) as Body
  const [item = {}] = (data['batch_results'] as readonly Body[] | undefined) ?? [data]
  if (status === 200 && typeof item['error'] === 'string') return 'refused'
  const version = /^vault:v(\d+):/.exec(String(item[member]))?.[1]
  return version === undefined ? (`${status} ${JSON.stringify(body)}` as Outcome) : Number(version)
}

/** The outcome of a request that is answered, or not. */
function answered({ status, body }: Reply): Outcome {
  if (status === 400) return 'refused'
  const [item = {}] = ((body['data'] as Body | undefined)?.['batch_results'] as readonly Body[] | undefined) ?? [{}]
  return status < 300 ? (typeof item['error'] === 'string' ? 'refused' : 'ok') : (`${status}` as Outcome)
}

const post = ({ server, key }: At, path: string, data: Body): Promise<Reply> =>
  server.call('POST', `/v1/transit/${path.replace('KEY', key)}`, data)
const get = ({ server, key }: At, path: string): Promise<Reply> =>
  server.call('GET', `/v1/transit/${path.replace('KEY', key)}`)

/** What a version made, under the number that is asked for; versions that never were get the number of one. */
function old({ made }: At, member: string, version: unknown): string {
  const stored = String(made.get(Number(version))?.[member] ?? made.get(latest)?.[member])
  return stored.replace(/^vault:v\d+:/, `vault:v${String(version)}:`)
}

/** An operation that names a version, by itself and as a batch of one whose version is in the item or above it. */
function makes(path: string, member: string, extra: Body, within?: 'item' | 'top'): readonly Omit<Operation, 'can'>[] {
  const single: Omit<Operation, 'can'> = {
    name: path,
    rule: 'makes',
    zero: 'latest',
    run: async (at, version) => madeBy(await post(at, path, { ...extra, key_version: version }), member),
  }
  if (!within) return [single]
  const batch: Omit<Operation, 'can'> = {
    ...single,
    name: `${path} in a batch`,
    run: async (at, version) => {
      const item = within === 'item' ? { ...extra, key_version: version } : extra
      const more = within === 'top' ? { key_version: version } : {}
      return madeBy(await post(at, path, { batch_input: [item], ...more }), member)
    },
  }
  return [single, batch]
}

/** An operation that reads what a version made, by itself and as a batch of one. */
function reads(path: string, member: string, extra: Body): readonly Omit<Operation, 'can'>[] {
  const single: Omit<Operation, 'can'> = {
    name: `${path} of ${member}`,
    rule: 'reads',
    zero: 'none',
    run: async (at, version) => answered(await post(at, path, { ...extra, [member]: old(at, member, version) })),
  }
  return [
    single,
    {
      ...single,
      name: `${path} of ${member} in a batch`,
      run: async (at, version) =>
        answered(await post(at, path, { batch_input: [{ ...extra, [member]: old(at, member, version) }] })),
    },
  ]
}

/** One that gives out keys. */
function exports(path: string): Omit<Operation, 'can'> {
  return {
    name: path,
    rule: 'reads',
    zero: 'none',
    run: async (at, version) => {
      const reply = await get(at, `${path}/${String(version)}`)
      if (reply.status === 400) return 'refused'
      const { keys } = (reply.body['data'] ?? {}) as { readonly keys?: Body }
      return keys ? Number(Object.keys(keys)[0]) : (`${reply.status} ${reply.text}` as Outcome)
    },
  }
}

const table: readonly (readonly [Operation['can'], readonly Omit<Operation, 'can'>[]])[] = [
  [can('encrypt'), makes('encrypt/KEY', 'ciphertext', { plaintext: input }, 'item')],
  [can('encrypt'), makes('datakey/plaintext/KEY', 'ciphertext', {})],
  [can('encrypt'), makes('datakey/wrapped/KEY', 'ciphertext', {})],
  [
    (type) => can('encrypt')(type) && !isPair(type),
    makes('datakey-pair/wrapped/KEY', 'ciphertext', { type: 'ed25519' }),
  ],
  [can('sign'), makes('sign/KEY', 'signature', { input }, 'top')],
  [every, makes('hmac/KEY', 'hmac', { input }, 'top')],
  [isCmac, makes('cmac/KEY', 'cmac', { input }, 'top')],
  [can('encapsulate'), makes('encapsulate/KEY', 'ciphertext', {}, 'item')],
  [can('decrypt'), reads('decrypt/KEY', 'ciphertext', {})],
  [can('decrypt'), reads('rewrap/KEY', 'ciphertext', {})],
  [can('decrypt'), reads('reencrypt/KEY/target', 'ciphertext', {})],
  [can('decapsulate'), reads('decapsulate/KEY', 'ciphertext', {})],
  [can('verify'), reads('verify/KEY', 'signature', { input })],
  [every, reads('verify/KEY', 'hmac', { input })],
  [isCmac, reads('verify/KEY', 'cmac', { input })],
  [
    can('encrypt', 'decrypt'),
    [
      {
        name: 'rewrap into a version',
        rule: 'makes',
        zero: 'latest',
        run: async (at, version) => {
          const ciphertext = old(at, 'ciphertext', latest)
          return madeBy(await post(at, 'rewrap/KEY', { ciphertext, key_version: version }), 'ciphertext')
        },
      },
    ],
  ],
  [
    can('derive'),
    [
      {
        name: 'derive-key',
        rule: 'reads',
        zero: 'latest',
        run: async (at, version) =>
          answered(
            await post(at, `derive-key/fresh${fresh++}`, {
              base_key_name: at.key,
              base_key_version: version,
              peer_public_key: peer[at.type],
            }),
          ),
      },
    ],
  ],
  [
    (type) => can('sign')(type) && keyType(type).pair?.family !== 'quantum',
    [
      {
        name: 'csr',
        rule: 'reads',
        zero: 'none',
        run: async (at, version) => answered(await post(at, 'keys/KEY/csr', { version })),
      },
      {
        name: 'set-certificate',
        rule: 'reads',
        zero: 'none',
        run: async (at, version) => {
          const { status, text } = await post(at, 'keys/KEY/set-certificate', { version, certificate_chain: 'none' })
          return status === 400 && text.includes('certificate_chain is no PEM') ? 'ok' : 'refused'
        },
      },
    ],
  ],
  [can('encrypt'), [exports('export/encryption-key/KEY')]],
  [can('sign'), [exports('export/signing-key/KEY')]],
  [every, [exports('export/hmac-key/KEY'), exports('byok-export/wrapper/KEY')]],
  [isCmac, [exports('export/cmac-key/KEY')]],
  [isPair, [exports('export/public-key/KEY')]],
]

const operations: readonly Operation[] = table.flatMap(([suits, rows]) => rows.map((row) => ({ ...row, can: suits })))

/** What must come of a version. */
function expected({ rule, zero }: Operation, limit: Limits, version: number): Outcome {
  const [first = 0, last = 0] = rules[rule](limit)
  const meant = version === 0 && zero === 'latest' ? latest : version
  return meant >= first && meant <= last ? meant : 'refused'
}

/** A key with four versions, and what they make without limits. */
async function prepared(server: TestServer, type: KeyTypeName, key: string): Promise<At> {
  const size = type === 'hmac' ? { key_size: 32 } : {}
  await server.data('POST', `transit/keys/${key}`, { type, exportable: true, ...size })
  for (let number = 1; number < latest; number++) await server.data('POST', `transit/keys/${key}/rotate`)
  const made = new Map<number, Body>()
  const at = { server, key, type, made }
  const wanted = [
    [can('encrypt'), 'encrypt/KEY', { plaintext: input }],
    [can('encapsulate'), 'encapsulate/KEY', {}],
    [can('sign'), 'sign/KEY', { input }],
    [every, 'hmac/KEY', { input }],
    [isCmac, 'cmac/KEY', { input }],
  ] as const
  for (let number = 1; number <= latest; number++) {
    for (const [suits, path, data] of wanted) {
      if (!suits(type)) continue
      const reply = await post(at, path, { ...data, key_version: number })
      made.set(number, { ...made.get(number), ...(reply.body['data'] as Body) })
    }
  }
  return at
}

async function limited({ server, key }: At, { minDecryption, minEncryption, minAvailable }: Limits): Promise<void> {
  await server.data('POST', `transit/keys/${key}/config`, { min_decryption_version: 1, min_encryption_version: 0 })
  await server.data('POST', `transit/keys/${key}/config`, {
    min_decryption_version: minDecryption,
    min_encryption_version: minEncryption,
  })
  if (minAvailable > 0) {
    await server.data('POST', `transit/keys/${key}/trim`, { min_available_version: minAvailable })
  }
}

describe('the version limits of a key, over HTTP', function () {
  this.timeout(180_000)
  let server: TestServer
  before(async () => {
    server = await devServer()
    await server.data('POST', 'sys/mounts/transit', { type: 'transit' })
    await server.data('POST', 'transit/keys/target')
    await server.data('POST', 'transit/keys/wrapper', { type: 'rsa-2048' })
  })
  after(() => server.running.stop())

  for (const type of types)
    it(`hold for every operation of ${type}`, async () => {
      const at = await prepared(server, type, `k-${type}`)
      const wrong: string[] = []
      for (const limit of limits) {
        await limited(at, limit)
        for (const operation of operations.filter(({ can: suits }) => suits(type))) {
          for (let version = -1; version <= latest + 1; version++) {
            // In ciphertexts of the oldest servers 0 stands for 1.
            if (operation.zero === 'none' && operation.name.includes('of ciphertext') && version === 0) continue
            const [came, right] = [await operation.run(at, version), expected(operation, limit, version)]
            if (came === right || (came === 'ok' && right !== 'refused')) continue
            wrong.push(`${operation.name} ${version} under ${JSON.stringify(limit)}: ${came}, not ${right}`)
          }
        }
      }
      expect(wrong).to.deep.equal([])
    })

  it('hold for versions that are written as strings, and for nothing that is no version', async () => {
    const at = await prepared(server, 'aes128-cmac', 'strings')
    await limited(at, { minDecryption: 3, minEncryption: 0, minAvailable: 0 })
    const outcomes = async (path: string, member: string, versions: readonly unknown[]): Promise<Outcome[]> => {
      const found: Outcome[] = []
      for (const version of versions) {
        found.push(madeBy(await post(at, path, { input, key_version: version }), member))
      }
      return found
    }
    const versions = ['2', '3', '0', '-1', 'v3', 'latest', 1.5, '3.0', 2 ** 53, [3], { version: 3 }]
    const no = 'refused'
    for (const kind of ['hmac', 'cmac']) {
      const found = await outcomes(`${kind}/KEY`, kind, versions)
      expect(found, kind).to.deep.equal([no, 3, 4, no, no, no, no, no, no, no, no])
    }
    const exported = async (version: string): Promise<number> =>
      (await get(at, `export/hmac-key/KEY/${version}`)).status
    for (const version of ['v2', '2', '+2', 'v-1', '0', 'v', '3.0', '1e0']) {
      expect(await exported(version), version).to.equal(400)
    }
    for (const version of ['3', 'v3', 'latest']) expect(await exported(version), version).to.equal(200)
    const all = (await get(at, 'export/hmac-key/KEY')).body['data'] as { readonly keys: Body }
    expect(Object.keys(all.keys)).to.deep.equal(['3', '4'])
  })

  it('hold for a version that made MACs before it was retired', async () => {
    const key = 'used-before'
    await server.data('POST', `transit/keys/${key}`)
    await server.data('POST', `transit/keys/${key}/rotate`)
    const mac = (): Promise<Reply> => server.call('POST', `/v1/transit/hmac/${key}`, { input, key_version: 1 })
    expect((await mac()).status).to.equal(200)
    await server.data('POST', `transit/keys/${key}/config`, { min_decryption_version: 2 })
    expect((await mac()).status).to.equal(400)
    await server.data('POST', `transit/keys/${key}/config`, { min_decryption_version: 1 })
    expect((await mac()).status).to.equal(200)
  })

  for (const [state, verb, path] of [
    ['soft-deleted', 'DELETE', 'soft-delete'],
    ['disabled', 'POST', 'disable'],
  ] as const)
    it(`are not asked of a ${state} key: it does nothing with any version`, async () => {
      for (const type of types) {
        const at = await prepared(server, type, `${state}-${type}`)
        const reply = await server.call(verb, `/v1/transit/keys/${at.key}/${path}`)
        expect(reply.status).to.equal(200)
        // What a certificate says changes no key and uses none; a disabled key may be exported: docs/key-lifecycle.md.
        const open = state === 'disabled' ? /^export\/|set-certificate/ : /set-certificate/
        for (const operation of operations.filter(({ can: suits }) => suits(type))) {
          if (open.test(operation.name)) continue
          expect(await operation.run(at, latest), `${operation.name} of ${type}`).to.equal('refused')
        }
      }
    })
})
