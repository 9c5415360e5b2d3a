import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import { examplesOf } from './runner/examples.ts'
import { Host } from './runner/host.ts'

describe('the page about operating, on the shipped configuration and policies', function () {
  this.timeout(180_000)
  let host: Host
  before(async () => {
    host = await Host.start()
    expect((await as(host.token, 'token revoke -self')).code).to.equal(0)
  })
  after(async () => host.stop())
  const as: Host['as'] = async (token, line) => host.as(token, line)

  it('leads out when every token is lost, with key shares and the configuration file', async () => {
    const { code, err } = await as('', 'operator generate-root -init')
    expect(code).to.equal(2)
    expect(err).to.include('disable_unauthed_generate_root_endpoints = false').and.include('policies/operator.hcl')

    expect(examplesOf('docs/operations.md', 'lost')).to.have.length(3)
    await host.follows('docs/operations.md', 'lost')

    const closed = await as('', 'operator generate-root -init')
    expect([closed.code, closed.err.includes('unsupported operation')]).to.deep.equal([2, true])
  })

  it('lets an operator with the shipped policy, and nobody else, begin to make a root token', async () => {
    const operator = readFileSync(join(host.reader.folder, 'operator-token'), 'utf8')
    expect((await as(operator, 'secrets enable transit')).code).to.equal(0)
    const begun = JSON.parse((await as(operator, 'operator generate-root -init -format=json')).out) as {
      readonly nonce: string
      readonly otp: string
    }
    let ended = ''
    for (const share of host.shares.slice(1, 4)) {
      const outcome = await as(operator, `operator generate-root -nonce=${begun.nonce} -format=json ${share}`)
      expect(outcome.code, outcome.err).to.equal(0)
      ended = outcome.out
    }
    const { encoded_token: encoded } = JSON.parse(ended) as { readonly encoded_token: string }
    const root = (await as('', `operator generate-root -decode=${encoded} -otp=${begun.otp}`)).out
    expect(JSON.parse((await as(root, 'token lookup -format=json')).out))
      .to.have.nested.property('data.policies')
      .that.deep.equals(['root'])

    const plain = (await as(root, 'token create -policy=default -field=token')).out
    const refused = await as(plain, 'operator generate-root -init')
    expect(refused.code).to.equal(2)
    expect(refused.err).to.include('sys/generate-root-token/*').and.include('policies/operator.hcl')
  })
})
