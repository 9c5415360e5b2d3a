import { expect } from 'chai'
import { reasons, replayCommands, replayRequests } from './replay.ts'
import type { Replay } from './replay.ts'

/** Every step that differs has its reason in `differences/`, and no reason outlives its difference. */
function judge(area: string, { score, ran, differing }: Replay, known: ReadonlyMap<string, string>): void {
  console.log(`      ${area}: ${score}`)
  expect(ran.size, 'steps replayed').to.be.greaterThan(20)
  const mended = [...known.keys()].filter((step) => ran.has(step) && !differing.has(step))
  expect(mended, 'steps that are alike now: take them off the list').to.deep.equal([])
  expect(
    [...differing].filter((step) => !known.has(step)),
    'steps that differ without a reason',
  ).to.deep.equal([])
}

const transitAreas = [
  'basic',
  'hmac',
  'export',
  'versions',
  'backup',
  'sign',
  'types',
  'rsa',
  'vectors',
  'softdelete',
  'config',
  'limits',
  'import',
  'byok',
  'derive',
  'certificates',
  'sealed',
]

describe('parity with recorded answers', function () {
  this.timeout(10 * 60_000)

  for (const area of [
    'core-token',
    'core-policy',
    'core-acl',
    'core-mount',
    'core-audit',
    'core-seal',
    'core-http',
    'sys-tools',
    'sys-info',
    'sys-config',
    'sys-leases',
    'sys-quotas',
    'kv1',
    'kv2',
    'sys-cubbyhole',
    'sys-wrapping',
    'sys-namespaces',
    'auth-userpass',
    'auth-approle',
    'sys-locked-users',
    'totp',
    'auth-jwt',
    'auth-cert',
    'identity-entity',
    'identity-alias',
    'identity-group',
    'identity-lookup',
    'identity-merge',
    'identity-oidc',
    'identity-policies',
    'identity-templates',
  ])
    it(`answers ${area} requests as recorded`, () => {
      judge(
        area,
        replayRequests(area),
        reasons((file) => file.startsWith(area)),
      )
    })

  for (const area of transitAreas)
    it(`answers transit-${area} requests as recorded`, () => {
      judge(
        `transit-${area}`,
        replayRequests(`transit-${area}`),
        reasons((file) => file.startsWith(`transit-${area}`)),
      )
    })

  it('prints the recorded output for command lines', () => {
    judge(
      'command lines',
      replayCommands(),
      reasons((file) => file.startsWith('cli-')),
    )
  })
})
