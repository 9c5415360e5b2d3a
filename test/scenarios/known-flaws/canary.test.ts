import { readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import { certificate } from '../../support/certificate.ts'
import { openLevelServer } from '../../support/server.ts'

const canary = 'canary5e7d'

describe('canary', () => {
  it('CVE-2025-4166, CVE-2024-8365: planted secrets are found in no log, file or error', async function () {
    this.timeout(30_000)
    const server = await openLevelServer()
    const answers: string[] = []
    const send = async (
      method: string,
      path: string,
      data?: unknown,
      headers?: Readonly<Record<string, string>>,
    ): Promise<void> => {
      const { text, status } = await server.call(method, path, data, headers)
      if (status >= 400) answers.push(`${method} ${path.replaceAll(canary, '')}: ${text}`)
    }
    await server.data('POST', 'sys/mounts/transit', { type: 'transit' })
    await server.data('POST', 'transit/keys/k', {})
    for (const type of ['jwt', 'kubernetes']) await server.data('POST', `sys/auth/${type}`, { type })
    const reviewed = { kubernetes_host: 'https://127.0.0.1:1', kubernetes_ca_cert: certificate().cert }
    await server.data('POST', 'auth/kubernetes/config', { ...reviewed, token_reviewer_jwt: canary })
    const bound = { bound_service_account_names: '*', bound_service_account_namespaces: '*' }
    await server.data('POST', 'auth/kubernetes/role/web', bound)
    await send('POST', '/v1/auth/kubernetes/login', { role: 'web', jwt: canary })
    const encoded = Buffer.from(canary).toString('base64')
    const routes = [
      'transit/encrypt/k',
      'transit/decrypt/k',
      'transit/rewrap/k',
      'transit/datakey/plaintext/k',
      'transit/hash',
      'transit/random',
      'sys/tools/hash',
      'sys/policies/acl/p',
      'sys/mounts/x',
      'sys/capabilities',
      'auth/token/create',
      'auth/token/lookup',
      'auth/token/renew',
      'auth/token/revoke',
      'auth/token/roles/r',
      'cubbyhole/a',
      'sys/unseal',
      'sys/init',
      'sys/generate-root-token/update',
      'sys/rotate/root/update',
      'sys/decode-token',
      'sys/audit-hash/file',
      'sys/audit/x',
      'sys/remount',
      'auth/kubernetes/config',
      'auth/kubernetes/login',
      'auth/jwt/login',
    ]
    const fields = [
      'plaintext',
      'ciphertext',
      'context',
      'associated_data',
      'input',
      'policy',
      'token',
      'id',
      'key',
      'nonce',
      'otp',
      'encoded_token',
      'value',
      'ttl',
      'bits',
      'from',
      'to',
      'options',
      'meta',
      'paths',
      'accessor',
      'jwt',
      'token_reviewer_jwt',
    ]
    for (const route of routes) {
      for (const field of fields) await send('POST', `/v1/${route}`, { [field]: canary })
      await send('POST', `/v1/${route}`, { batch_input: [{ plaintext: encoded, ciphertext: canary, context: canary }] })
      await send('POST', `/v1/${route}`, `{"broken": "${canary}`)
      await send('POST', `/v1/${route}`, `value=${canary}`, {
        'X-Vault-Token': server.token,
        'Content-Type': 'application/x-www-form-urlencoded',
      })
      await send('POST', `/v1/${route}`, {}, { 'X-Vault-Token': canary, 'X-Other': canary })
      await send('GET', `/v1/${route}?value=${canary}`)
    }
    await server.call('POST', '/v1/transit/encrypt/k', { plaintext: encoded })
    await server.call('POST', '/v1/cubbyhole/secret', { password: canary })
    await server.running.stop()
    // Names of fields that a caller makes up, and unknown paths, are told back in warnings; values never are.
    const leaking = answers
      .filter((answer) => answer.includes(canary))
      .filter(
        (answer) =>
          !/unknown key type|invalid 'token_type'|policy name|there is no|no mount at|unknown backend type/.test(
            answer,
          ),
      )
    expect(leaking).to.deep.equal([])
    for (const secret of [canary, encoded, server.token, ...server.shares]) {
      expect(
        readFileSync(join(server.folder, 'audit.log'), 'utf8')
          .split('\n')
          .map((line) =>
            line.replace(
              /"error":"[^"]*(unknown key type|unknown backend type|there is no|no mount at|unsupported algorithm|Policy)[^"]*"/,
              '',
            ),
          )
          .filter((line) => line.includes(secret))
          .slice(0, 2),
        'audit log',
      ).to.deep.equal([])
      for (const file of readdirSync(join(server.folder, 'data')))
        expect(readFileSync(join(server.folder, 'data', file)).includes(secret), file).to.equal(false)
    }
  })
})
