import { expect } from 'chai'
import { examplesOf } from '../../docs/runner/examples.ts'
import { HandClock } from '../../support/clock.ts'
import { IdentityProvider } from '../../support/services/identity-provider.ts'
import { jwt, jwtKey } from '../../support/jwt.ts'
import { devServer } from '../../support/server.ts'
import type { Body, TestServer } from '../../support/server.ts'

/** A recipe of docs/login.md as it is sent: `strongroom write PATH k=v …`, lines that end in a backslash joined. */
function writes(code: string): (readonly [path: string, data: Body])[] {
  const lines = code.replaceAll('\\\n', ' ').split('\n').filter((line) => line.startsWith('strongroom write ')) // prettier-ignore
  return lines.map((line) => {
    const [path = '', ...pairs] = (line.slice('strongroom write '.length).match(/(?:'[^']*'|[^\s'])+/g) ?? []).map((word) => word.replaceAll("'", '')) // prettier-ignore
    const data = pairs.map((pair): readonly [string, unknown] => {
      const [name = '', value = ''] = pair.split(/=(.*)/s)
      return [name, value.startsWith('{') ? (JSON.parse(value) as unknown) : value]
    })
    return [path, Object.fromEntries(data)]
  })
}

const iat = Date.UTC(2030, 0, 1) / 1000
const times = { iat, nbf: iat, exp: iat + 600 }

interface Recipe {
  readonly kind: string
  readonly mount: string
  readonly role: string
  /** As the issuer writes them. */
  readonly claims: Body
  readonly metadata: Body
  /** Tokens of others, which must not get in. */
  readonly others: readonly Body[]
}

const recipes: readonly Recipe[] = [
  {
    kind: 'github',
    mount: 'github',
    role: 'deploy',
    claims: {
      iss: 'https://token.actions.githubusercontent.com',
      aud: 'https://vault.example.com',
      sub: 'repo:example/app:ref:refs/heads/main',
      repository: 'example/app',
      repository_id: '74',
      repository_owner: 'example',
      repository_owner_id: '65',
      ref: 'refs/heads/main',
      ref_type: 'branch',
      ref_protected: 'true',
      environment: 'production',
      workflow: 'deploy',
      job_workflow_ref: 'example/app/.github/workflows/deploy.yml@refs/heads/main',
      actor: 'octocat',
      event_name: 'push',
      runner_environment: 'github-hosted',
      run_id: '30433642',
      run_attempt: '2',
      jti: 'example-id',
    },
    metadata: { repository: 'example/app', workflow: 'deploy' },
    others: [{ repository: 'example/other' }, { repository: 'evil/app' }, { ref: 'refs/heads/feature' }, { ref: 'refs/pull/1/merge' }, { aud: 'https://github.com/example' }], // prettier-ignore
  },
  {
    kind: 'gitlab',
    mount: 'gitlab',
    role: 'deploy',
    claims: {
      iss: 'https://gitlab.example.com',
      aud: 'https://vault.example.com',
      sub: 'project_path:example/app:ref_type:branch:ref:main',
      namespace_id: '72',
      namespace_path: 'example',
      project_id: '20',
      project_path: 'example/app',
      user_id: '1',
      user_login: 'ann',
      user_email: 'ann@example.com',
      pipeline_id: '574',
      pipeline_source: 'push',
      job_id: '302',
      ref: 'main',
      ref_type: 'branch',
      ref_path: 'refs/heads/main',
      ref_protected: 'true',
      groups_direct: ['example'],
    },
    metadata: { project: 'example/app', user: 'ann' },
    others: [{ project_id: '21' }, { ref_protected: 'false' }, { ref: 'feature' }, { ref_type: 'tag' }, { aud: 'https://gitlab.example.com' }], // prettier-ignore
  },
  {
    kind: 'kubernetes',
    mount: 'cluster',
    role: 'web',
    claims: {
      iss: 'https://kubernetes.default.svc.cluster.local',
      aud: ['https://vault.example.com'],
      sub: 'system:serviceaccount:shop:web',
      'kubernetes.io': {
        namespace: 'shop',
        node: { name: 'node-1', uid: '646e7c5e-32d6-4d42-9dbd-e504e6cbe6b1' },
        pod: { name: 'web-abc', uid: '5e0bd49b-f040-43b0-99b7-22765a53f7f3' },
        serviceaccount: { name: 'web', uid: '14ee3fa4-a7e2-420f-9f9a-dbc4507c3798' },
      },
    },
    metadata: { namespace: 'shop', service_account: 'web', pod: 'web-abc' },
    others: [{ sub: 'system:serviceaccount:shop:other' }, { 'kubernetes.io': { namespace: 'other', serviceaccount: { name: 'web' } } }, { aud: ['https://kubernetes.default.svc'] }], // prettier-ignore
  },
  {
    kind: 'spiffe',
    mount: 'spiffe',
    role: 'billing',
    claims: { sub: 'spiffe://example.org/ns/prod/sa/billing', aud: ['https://vault.example.com'] },
    metadata: {},
    others: [{ sub: 'spiffe://example.org/ns/prod/sa/other' }, { sub: 'spiffe://evil.example/ns/prod/sa/billing' }, { sub: 'spiffe://example.org/ns/prod/sa/billing/more' }, { aud: ['other'] }], // prettier-ignore
  },
]

describe('the recipes of docs/login.md', () => {
  const clock = new HandClock()
  const key = jwtKey('RS256')
  let server: TestServer
  let provider: IdentityProvider
  before(async () => {
    server = await devServer(clock)
    provider = await IdentityProvider.start()
    provider.publish({ one: key })
  })
  after(async () => {
    await server.running.stop()
    await provider.stop()
  })

  for (const { kind, mount, role, claims, metadata, others } of recipes)
    it(`${kind}: accepts tokens of this form for this workload only`, async () => {
      const [recipe] = examplesOf('docs/login.md', kind)
      expect(recipe?.code).to.include(`strongroom auth enable -path=${mount} jwt`)
      await server.data('POST', `sys/auth/${mount}`, { type: 'jwt' })
      for (const [path, data] of writes(recipe?.code ?? '')) {
        // The issuer is here: its own address would be asked for keys.
        const {
          oidc_discovery_url: issuer,
          jwks_url: jwks,
          jwt_validation_pubkeys: pem,
          oidc_discovery_ca_pem: _,
          ...rest
        } = data
        const keys = issuer ?? jwks ?? pem ? { jwks_url: `${provider.url}/keys`, ...(issuer !== undefined && { bound_issuer: issuer }) } : {} // prettier-ignore
        await server.data('POST', path, { ...rest, ...keys })
      }
      const login = async (more: Body) =>
        server.call('POST', `/v1/auth/${mount}/login`, { role, jwt: jwt({ ...claims, ...times, ...more }, key, { kid: 'one' }) }, {}) // prettier-ignore
      const { status, body, text } = await login({})
      expect(status, text).to.equal(200)
      const auth = body['auth'] as { readonly metadata: Body }
      expect(auth.metadata).to.deep.equal({ ...metadata, role })
      for (const other of others) expect((await login(other)).status, JSON.stringify(other)).to.equal(400)
      if (claims['iss'] !== undefined) expect((await login({ iss: 'https://evil.example' })).status).to.equal(400)
    })
})
