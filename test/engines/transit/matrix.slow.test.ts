import { expect } from 'chai'
import { asFault } from '../../../src/contract/fault.ts'
import type { EngineHost } from '../../../src/contract/engine.ts'
import type { Route } from '../../../src/contract/route.ts'
import { hashes } from '../../../src/crypto/hash.ts'
import { keyType, keyTypes } from '../../../src/crypto/keys/key-types.ts'
import type { KeyTypeName } from '../../../src/crypto/keys/key-types.ts'
import { randomBytes } from '../../../src/crypto/fast/random.ts'
import { transitEngine } from '../../../src/engines/transit/engine.ts'
import type { Transit } from '../../../src/engines/transit/transit.ts'
import { silent } from '../../../src/util/log.ts'
import { openBarrier } from '../../support/barrier.ts'
import { HandClock } from '../../support/clock.ts'
import { outcomeOf, requestsOf } from '../../support/requests/matrix.ts'
import type { Data } from '../../support/requests/matrix.ts'

const engine = transitEngine(randomBytes)
const operations = engine.routes.filter(({ pattern }) => /:name|:source/.test(pattern))
const kinds = [
  { derived: false, convergent_encryption: false },
  { derived: true, convergent_encryption: false },
  { derived: true, convergent_encryption: true },
]
const hash = [...Object.keys(hashes), 'sha1', 'none', 'md5']
const text = Buffer.from('some text').toString('base64')
const digests = [20, 28, 32, 48, 64].map((size) => Buffer.alloc(size, 7).toString('base64'))

/** Values that mean something to a field of that name, whatever the key. */
const meaningful: Readonly<Record<string, readonly unknown[]>> = {
  name: ['fresh', 'none', 'a/b', '.'],
  target: ['k', 'other', 'none'],
  source: ['k', 'none'],
  destination: ['rsa', 'k', 'none'],
  base_key_name: ['k', 'other', 'none'],
  type: ['ed25519', 'hmac', 'chacha20-poly1305', 'none'],
  derived_key_type: ['aes128-gcm96', 'ed25519', 'none'],
  context: ['Yw==', 'Yg=='],
  associated_data: ['YQ=='],
  key_version: [1, 2, 3, -1],
  input: digests,
  hash_algorithm: hash,
  algorithm: hash,
  urlalgorithm: hash,
  signature_algorithm: ['pss', 'pkcs1v15'],
  marshaling_algorithm: ['asn1', 'jws'],
  salt_length: ['auto', 'hash', '0', '-1', '20', '9999'],
  bits: [128, 256, 512],
  kind: ['plaintext', 'wrapped', 'encryption-key', 'signing-key', 'hmac-key', 'public-key', 'certificate-chain'],
  format: ['raw', 'der', 'pem', 'jwk'],
  version: ['latest', 'v1', '1', '2', 0, 1, 2],
  min_available_version: [1, 2],
  min_decryption_version: [1, 2],
  min_encryption_version: [1, 2],
  auto_rotate_period: ['1h', '59m'],
  hash_function: ['SHA256', 'SHA1', 'MD5'],
  uses: [['sign'], ['encrypt', 'decrypt']],
  partial_failure_response_code: [207, 99],
}

describe('every type of key, every operation, every option', function () {
  this.timeout(10 * 60_000)
  let transit: Transit
  before(async () => {
    const { barrier } = await openBarrier()
    const host = {
      view: barrier.view('mount/x/'),
      clock: new HandClock(),
      log: silent,
      accessor: 'transit_x',
      namespace: 'root' as const,
    }
    transit = (await engine.start({
      ...host,
      limits: () => ({ defaultTtl: 0, maxTtl: 0 }),
      mayLogIn: () => false,
    } satisfies EngineHost)) as Transit
    await call('write', 'keys/:name', { name: 'other' })
    await call('write', 'keys/:name', { name: 'rsa', type: 'rsa-2048' })
    await call('read', 'wrapping_key', {})
  })

  /** The data of a good request. */
  async function call(operation: string, pattern: string, data: Data): Promise<Data | undefined> {
    const route = engine.routes.find((each) => each.operation === operation && each.pattern === pattern)
    const outcome = await outcomeOf(route as Route, transit, data)
    return 'response' in outcome ? (outcome.response?.data ?? undefined) : undefined
  }

  /** What the key makes, by the names of the fields that take it. */
  async function madeBy(name: string, context: Data, all = true): Promise<Data> {
    const { hmac } = (await call('write', 'hmac/:name', { name, input: text })) ?? {}
    if (!all) return { hmac }
    const { ciphertext } = (await call('write', 'encrypt/:name', { name, plaintext: text, ...context })) ?? {}
    const { signature } = (await call('write', 'sign/:name', { name, input: text, ...context })) ?? {}
    const { backup } = (await call('read', 'backup/:name', { name })) ?? {}
    const { csr } = (await call('write', 'keys/:name/csr', { name })) ?? {}
    const { keys } = (await call('read', 'keys/:name', { name })) as { keys?: Record<string, { public_key?: string }> }
    return { ciphertext, signature, hmac, backup, csr, peer_public_key: keys?.['1']?.public_key }
  }

  /** Every operation in turn; tells what was wrong. */
  async function wrongs(context: Data): Promise<string[]> {
    const began = performance.now()
    const made = await madeBy('k', context)
    const quick = performance.now() - began < 100
    const { record } = await transit.keys.need('k')
    const given = Object.fromEntries(Object.entries(made).filter(([, value]) => value !== undefined))
    const known: Record<string, readonly unknown[]> = { ...meaningful }
    for (const [name, value] of Object.entries(given)) {
      const end = String(value).slice(0, -4)
      known[name] = [value, `${end}AAA=`, end, `vault:v9:${text}`]
    }
    const good = {
      name: 'k',
      source: 'k',
      destination: 'rsa',
      target: 'other',
      base_key_name: 'k',
      ...given,
      ...context,
    }
    const plain = { plaintext: text, input: text, kind: 'plaintext', version: '' }
    const found: string[] = []
    for (const route of operations) {
      const all = requestsOf(
        route,
        { ...good, ...plain, ...(made['signature'] !== undefined && { hmac: undefined }) },
        known,
      )
      let took = 0
      for (const [at, data] of all.entries()) {
        if (at > 0 && at % stride(took, all.length) !== 0) continue
        const from = performance.now()
        const outcome = await outcomeOf(route, transit, data)
        if (at === 0) took = performance.now() - from
        if ('wrong' in outcome)
          found.push(`${route.operation} ${route.pattern} ${JSON.stringify(data)}: ${outcome.wrong}`)
        if (!route.pure) {
          await transit.keys.replace(record, true)
          for (const name of ['fresh', 'x', 'eA', '7'])
            await transit.keys.change(name, '', () => undefined).catch(asFault)
        }
      }
      // Whatever was asked, the key works as before: nothing was left locked, half changed or gone.
      found.push(...missing(made, await madeBy('k', context, quick), `after ${route.operation} ${route.pattern}`))
    }
    return [...found, ...missing(made, await madeBy('k', context), 'at the end')]
  }

  for (const type of Object.keys(keyTypes) as KeyTypeName[])
    for (const kind of kinds)
      it(`CVE-2026-55776: ${type}, ${JSON.stringify(kind)}`, async () => {
        const size = keyType(type).sizes?.[0] ?? 0
        const wish = { name: 'k', type, key_size: size, ...kind, exportable: true, allow_plaintext_backup: true }
        await transit.keys.change('k', '', () => undefined).catch(asFault)
        const possible =
          (!kind.derived || keyType(type).derivable) && (!kind.convergent_encryption || keyType(type).convergent)
        const began = performance.now()
        const made = await call('write', 'keys/:name', wish)
        const quick = performance.now() - began < 100
        expect(made !== undefined, 'made').to.equal(possible)
        if (!possible) return void expect(await transit.keys.find('k')).to.equal(undefined)
        if (quick) await call('write', 'keys/:name/rotate', { name: 'k' })
        expect(await wrongs(kind.derived ? { context: 'Yw==' } : {})).to.deep.equal([])
      })
})

/** What a key made at first and does not make any more. */
function missing(made: Data, again: Data, when: string): string[] {
  return Object.keys(again)
    .filter((name) => (again[name] === undefined) !== (made[name] === undefined))
    .map((name) => `${name}: not as at first, ${when}`)
}

/** All requests are made, or, for operations that take so many milliseconds, every so many of them. */
function stride(took: number, count: number): number {
  const most = took > 100 ? 1 : took > 10 ? 6 : took > 1 ? 25 : count
  return Math.ceil(count / most)
}
