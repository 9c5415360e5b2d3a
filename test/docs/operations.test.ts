import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import { freePort } from '../support/free-port.ts'
import { Shell } from '../cli/support.ts'
import { certificateFiles } from '../support/certificate.ts'
import { program } from '../support/program.ts'
import { examplesOf } from './runner/examples.ts'
import { Reader } from './runner/reader.ts'

/** The holders of five shares: whoever is asked for one gives the next. */
const holders = `#!/bin/bash
share() { echo >> "$HOME/brought"; sed -n "$(( ($(wc -l < "$HOME/brought") - 1) % 5 + 1 ))p" "$HOME/shares"; }
case "$*" in
  'operator unseal'|'operator generate-root -nonce='*) share | node '${program}' "$@" - ;;
  *) exec node '${program}' "$@" ;;
esac
`

const systemctl = `#!/bin/bash
cd "$HOME"
if [ -e pid ]; then kill "$(cat pid)"; tail --pid="$(cat pid)" -f /dev/null; fi
[ "$1" = stop ] && exit
: > server.log
node '${program}' server -config=strongroom.hcl >> server.log 2>&1 &
echo $! > pid
timeout 30 grep -q -m1 'server listens' <(tail -f server.log)
`

describe('the page about operating, on the shipped configuration and policies', function () {
  this.timeout(180_000)
  let reader: Reader
  let shell: Shell
  let shares: readonly string[] = []
  const bash = async (code: string): Promise<string> =>
    reader.follows({ kind: '', language: 'sh', code, promised: undefined })

  before(async () => {
    const address = `127.0.0.1:${await freePort()}`
    const files = certificateFiles()
    const env = { VAULT_ADDR: `https://${address}`, VAULT_CACERT: files.cert }
    reader = new Reader(env)
    shell = new Shell(env)
    // Only where things are differs from what is shipped.
    const config = readFileSync('config/strongroom.hcl', 'utf8')
      .replace('/var/lib/strongroom', reader.folder)
      .replace('/var/log/strongroom', reader.folder)
      .replace('0.0.0.0:8200', address)
      .replace('/etc/strongroom/tls/server.crt', files.cert)
      .replace('/etc/strongroom/tls/server.key', files.key)
    writeFileSync(join(reader.folder, 'strongroom.hcl'), config)
    writeFileSync(join(reader.folder, 'strongroom'), holders, { mode: 0o755 })
    writeFileSync(join(reader.folder, 'systemctl'), systemctl, { mode: 0o755 })
    await bash('systemctl restart strongroom')
    const made = JSON.parse((await shell.run('operator init -format=json')).out) as {
      readonly unseal_keys_b64: readonly string[]
      readonly root_token: string
    }
    shares = made.unseal_keys_b64
    writeFileSync(join(reader.folder, 'shares'), `${shares.join('\n')}\n`)
    await bash('for holder in 1 2 3; do strongroom operator unseal; done')
    expect((await as(made.root_token, 'token revoke -self')).code).to.equal(0)
  })
  after(async () => bash('systemctl stop strongroom'))

  const as = async (token: string, line: string): ReturnType<Shell['run']> => {
    shell.env['VAULT_TOKEN'] = token
    return shell.run(line)
  }

  it('leads out when every token is lost, with key shares and the configuration file', async () => {
    const { code, err } = await as('', 'operator generate-root -init')
    expect(code).to.equal(2)
    expect(err).to.include('disable_unauthed_generate_root_endpoints = false').and.include('policies/operator.hcl')

    const examples = examplesOf('docs/operations.md', 'lost')
    expect(examples).to.have.length(3)
    await bash(examples.map((example) => example.code).join('\n'))

    const closed = await as('', 'operator generate-root -init')
    expect([closed.code, closed.err.includes('unsupported operation')]).to.deep.equal([2, true])
  })

  it('lets an operator with the shipped policy, and nobody else, begin to make a root token', async () => {
    const operator = readFileSync(join(reader.folder, 'operator-token'), 'utf8')
    expect((await as(operator, 'secrets enable transit')).code).to.equal(0)
    const begun = JSON.parse((await as(operator, 'operator generate-root -init -format=json')).out) as {
      readonly nonce: string
      readonly otp: string
    }
    let ended = ''
    for (const share of shares.slice(1, 4)) {
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
