import { generateKeyPairSync, sign } from 'node:crypto'
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { machine, median } from './measure.ts'
import { load, openBao, ownServer } from './servers.ts'
import type { Load, OwnServer } from './servers.ts'

/**
 * Logins per second by method, strongroom and, where `BAO` names its program, OpenBao taking turns in one run. Each login makes a
 * service token with its lease; `userpass` hashes with bcrypt at cost 10 on both.
 */
const program = process.env['BAO']
const rounds = Number(process.env['ROUNDS'] ?? 3)
const folder = mkdtempSync(join(tmpdir(), 'strongroom-bench-'))
const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })

/** A JWT (ES256) that is valid for a day. */
function signedJwt(): string {
  const now = Math.floor(Date.now() / 1000)
  const claims = { iss: 'bench', aud: 'bench', sub: 'anna', iat: now, exp: now + 86_400 }
  const signed = [{ alg: 'ES256' }, claims].map((part) => Buffer.from(JSON.stringify(part)).toString('base64url')).join('.') // prettier-ignore
  const signature = sign('sha256', Buffer.from(signed), { key: privateKey, dsaEncoding: 'ieee-p1363' })
  return `${signed}.${signature.toString('base64url')}`
}

interface Login {
  readonly path: string
  readonly body: unknown
}

/** Enables the methods. Returns one login of each, by its name. */
async function logins(server: OwnServer): Promise<Readonly<Record<string, Login>>> {
  for (const type of ['approle', 'jwt', 'userpass']) await server.call('POST', `sys/auth/${type}`, { type })
  await server.call('POST', 'auth/approle/role/web', { token_ttl: '1h' })
  const { data: role } = await server.call('GET', 'auth/approle/role/web/role-id', undefined)
  const { data: secret } = await server.call('POST', 'auth/approle/role/web/secret-id', {})
  const pem = publicKey.export({ type: 'spki', format: 'pem' })
  await server.call('POST', 'auth/jwt/config', { jwt_validation_pubkeys: [pem], bound_issuer: 'bench' })
  const demands = { role_type: 'jwt', bound_audiences: ['bench'], user_claim: 'sub', token_ttl: '1h' }
  await server.call('POST', 'auth/jwt/role/web', demands)
  await server.call('POST', 'auth/userpass/users/anna', { password: 'correct horse', token_ttl: '1h' })
  return {
    'AppRole': { path: 'approle/login', body: { ...(role as object), ...pick(secret, 'secret_id') } },
    'JWT, ES256': { path: 'jwt/login', body: { role: 'web', jwt: signedJwt() } },
    'userpass, bcrypt of cost 10': { path: 'userpass/login/anna', body: { password: 'correct horse' } },
  } // prettier-ignore
}

const pick = (object: unknown, name: string): object => ({ [name]: (object as Record<string, unknown>)[name] })

mkdirSync(join(folder, 'own'))
mkdirSync(join(folder, 'bao'))
const servers = [await ownServer(join(folder, 'own')), ...(program === undefined ? [] : [await openBao(program, join(folder, 'bao'))])] // prettier-ignore
const prepared: { server: OwnServer; of: Readonly<Record<string, Login>> }[] = []
for (const server of servers) prepared.push({ server, of: await logins(server) })

console.log(`${machine()}\nlogins per second and the median latency, and the ratio of the rates`)
for (const connections of [1, 32])
  for (const name of Object.keys(prepared[0]?.of ?? {})) {
    const found: Load[][] = prepared.map(() => [])
    for (let round = 0; round < rounds; round++)
      for (const [at, { server, of }] of prepared.entries()) {
        const { path, body } = of[name] as Login
        found[at]?.push(await load(server, { path: `/v1/auth/${path}`, body, token: '', connections }))
      }
    const rates = found.map((loads) => median(loads.map(({ rate }) => rate)))
    const shown = found.map((loads, at) => `${rates[at]?.toFixed(0)}/s (${median(loads.map(({ p50 }) => p50)).toFixed(2)} ms)`) // prettier-ignore
    const ratio = rates.length > 1 ? `: ${((rates[0] ?? NaN) / (rates[1] ?? NaN)).toFixed(2)}` : ''
    console.log(`${name}, ${connections} connections: ${shown.join(', OpenBao ')}${ratio}`)
  }
await Promise.all(servers.map(async (server) => server.stop()))
rmSync(folder, { recursive: true })
