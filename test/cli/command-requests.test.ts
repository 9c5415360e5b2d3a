import { expect } from 'chai'
import { Shell, ScriptedServer, scripted } from './support.ts'

const moved = { body: { data: { migration_id: 'm', migration_info: { status: 'success' } } } }
const kv2 = { body: { data: { path: 'secret/', type: 'kv', options: { version: '2' } } } }

/** Command lines with the request that each sends, and its body. */
const commands: Readonly<Record<string, readonly [request: string, body?: unknown]>> = {
  'operator step-down': ['PUT /v1/sys/step-down'],
  'operator unseal -reset': ['PUT /v1/sys/unseal', { reset: true }],
  'operator rekey -target=barrier -backup-retrieve': ['GET /v1/sys/rekey/backup'],
  'operator rekey -backup-delete': ['DELETE /v1/sys/rekey/backup'],
  'operator rekey -init -backup -n=1 -t=1': [
    'PUT /v1/sys/rekey/init',
    { secret_shares: 1, secret_threshold: 1, require_verification: false, backup: true },
  ],
  'kv metadata patch -mount=secret -max-versions=3 a': ['PATCH /v1/secret/metadata/a', { max_versions: 3 }],
  'secrets move a b': ['POST /v1/sys/remount', { from: 'a', to: 'b' }],
  'auth move auth/a auth/b': ['POST /v1/sys/remount', { from: 'auth/a', to: 'auth/b' }],
  'auth disable up': ['DELETE /v1/sys/auth/up'],
  'secrets enable -description=d -local -seal-wrap -external-entropy-access -force-no-cache -options=version=2 kv': [
    'POST /v1/sys/mounts/kv',
    {
      type: 'kv',
      description: 'd',
      config: { force_no_cache: true },
      options: { version: '2' },
      local: true,
      seal_wrap: true,
      external_entropy_access: true,
    },
  ],
  'auth enable -plugin-name=userpass -path=people plugin': [
    'POST /v1/sys/auth/people',
    { type: 'userpass', description: '', config: {}, local: false, seal_wrap: false, external_entropy_access: false },
  ],
  'secrets tune -listing-visibility=unauth -token-type=batch -plugin-version=1 -description=d kv': [
    'POST /v1/sys/mounts/kv/tune',
    { listing_visibility: 'unauth', token_type: 'batch', plugin_version: '1', description: 'd' },
  ],
  'secrets tune -audit-non-hmac-request-keys=a -audit-non-hmac-response-keys=b kv': [
    'POST /v1/sys/mounts/kv/tune',
    { audit_non_hmac_request_keys: ['a'], audit_non_hmac_response_keys: ['b'] },
  ],
  'auth tune -passthrough-request-headers=X-A -allowed-response-headers=X-B up': [
    'POST /v1/sys/mounts/auth/up/tune',
    { passthrough_request_headers: ['X-A'], allowed_response_headers: ['X-B'] },
  ],
  'audit enable -local file file_path=/x': [
    'PUT /v1/sys/audit/file',
    { type: 'file', description: '', local: true, options: { file_path: '/x' } },
  ],
  'token create -display-name=x -entity-alias=e -renewable=false': [
    'POST /v1/auth/token/create',
    { display_name: 'x', entity_alias: 'e', renewable: false },
  ],
  'token renew -increment=1h t': ['PUT /v1/auth/token/renew', { token: 't', increment: '1h' }],
  'lease renew -increment=1h l': ['PUT /v1/sys/leases/renew', { lease_id: 'l', increment: '1h' }],
  'audit find -value-stdin -device=syslog -generation=2 /dev/null': [
    'PUT /v1/sys/audit-hash/syslog',
    { input: 'value', generation: 2 },
  ],
}

/** Answers what some commands ask before. */
const script = {
  'GET /v1/sys/internal/ui/mounts/secret': [kv2],
  'POST /v1/sys/remount': [{ body: { data: { migration_id: 'm' } } }],
  'GET /v1/sys/remount/status/m': [moved],
}

/** Has what any of them asks for. */
const done = {
  sealed: true,
  auth: {},
  lease_id: 'l',
  nonce: 'n',
  data: { migration_id: 'm', hash: `hmac-sha256:${'0'.repeat(64)}` },
}

describe('commands', () => {
  it('send their arguments and flags', async () => {
    for (const [line, [request, body]] of Object.entries(commands))
      await scripted({ ...script, [request]: [{ body: done }] }, async (shell, server) => {
        shell.stdin = 'value'
        const { code, err } = await shell.run(line)
        const sent = server.seen.find(({ line: seen }) => seen === request)
        expect(sent?.body === '' ? undefined : JSON.parse(sent?.body ?? 'null'), `${line}: ${err}`).to.deep.equal(body)
        if (!line.startsWith('audit find')) expect(code, `${line}: ${err}`).to.equal(0)
      })
  })

  it('send -mfa as a header, and ask the agent of -agent-address', async () => {
    await scripted({ 'GET /v1/a': [{ body: { data: { x: 'y' } } }] }, async (shell, server, address) => {
      expect(await shell.run('read -mfa=method:123 -field=x a')).to.include({ code: 0 })
      expect(server.seen[0]?.headers).to.include({ 'x-vault-mfa': 'method:123' })
      shell.env['VAULT_ADDR'] = 'http://127.0.0.1:1'
      expect((await shell.run(`read -agent-address=${address} a`)).code).to.equal(0)
      expect(server.seen).to.have.length(2)
    })
  })

  it('never ask with -non-interactive', async () => {
    const server = new ScriptedServer({})
    const shell = new Shell({ VAULT_ADDR: await server.listen() })
    shell.typed = 'a token'
    const { code, err } = await shell.run('login -non-interactive')
    expect([code, shell.questions]).to.deep.equal([2, []])
    expect(err).to.include('-non-interactive')
    expect((await shell.run('operator rekey -non-interactive')).code).to.not.equal(0)
    expect([shell.questions, server.seen]).to.deep.equal([[], []])
    server.close()
  })

  it('print the token alone with -token-only, and make a one-time password with -generate-otp', async () => {
    const attempt = { body: { started: false, otp_length: 28 } }
    await scripted(
      {
        'GET /v1/auth/token/lookup-self': [{ body: { data: { id: 'hvs.a' } } }],
        'GET /v1/sys/generate-root/attempt': [attempt],
      },
      async (shell) => {
        expect(await shell.run('login -token-only hvs.a')).to.deep.equal({ code: 0, out: 'hvs.a', err: '' })
        expect((await shell.run('operator generate-root -generate-otp')).out).to.match(/^[A-Za-z0-9]{28}\n?$/)
      },
    )
  })
})
