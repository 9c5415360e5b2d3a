import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { loadConfig } from '../../src/config/load.ts'
import type { SealSettings } from '../../src/contract/seal.ts'

const folder = mkdtempSync(join(tmpdir(), 'strongroom-seal-'))
const key = Buffer.alloc(32, 7)
const file = (name: string, content: string | Buffer): string => {
  writeFileSync(join(folder, name), content)
  return join(folder, name)
}
const keyFile = file('key', key)
const enough = 'storage "inmem" {}\nlistener "tcp" {\n address = "127.0.0.1:0"\n tls_disable = true\n}\n'

async function seals(text: string): Promise<readonly SealSettings[]> {
  return (await loadConfig([file('c.hcl', enough + text)])).seals
}

const refusal = async (text: string): Promise<string> =>
  seals(text).then(
    () => 'taken',
    (thrown: unknown) => (thrown as Error).message,
  )

/** Runs with these variables of those that seals read, and no others of them. */
async function withVariables<T>(variables: Readonly<Record<string, string>>, work: () => Promise<T>): Promise<T> {
  const before = Object.entries(process.env).filter(([name]) => /^(?:BAO|VAULT|AWS)_/.test(name))
  for (const [name] of before) delete process.env[name]
  Object.assign(process.env, variables)
  return work().finally(() => {
    for (const name of Object.keys(variables)) delete process.env[name]
    Object.assign(process.env, Object.fromEntries(before))
  })
}

const block = (inside: string, type = 'static'): string => `seal "${type}" {\n ${inside}\n}`

describe('a seal block', () => {
  it('reads a static key from a file, a variable, base64 and hex', async () => {
    process.env['SEAL_TEST_KEY'] = key.toString('base64')
    const spellings = [`file://${keyFile}`, `file://${file('text', `${key.toString('hex')}\n`)}`, 'env://SEAL_TEST_KEY', key.toString('base64'), key.toString('hex')] // prettier-ignore
    for (const spelling of spellings) {
      const [seal] = await seals(block(`current_key_id = "a"\n current_key = "${spelling}"`))
      if (seal?.type !== 'static') throw new Error(`${spelling}: no static seal`)
      expect(seal.current.key.reveal()).to.equal(key.toString('base64'))
      expect(JSON.stringify(seal)).to.not.include(key.toString('base64'))
    }
  })

  it('takes several seals, in their order, each with a name', async () => {
    const transit = 'address = "https://kms.example"\n token = "t"\n key_name = "k"'
    const static1 = `current_key_id = "a"\n current_key = "file://${keyFile}"`
    const found = await seals(`${block(`${transit}\n mount_path = "/keys/"`, 'transit')}\n${block(static1)}\n${block(`${static1}\n name = "old"\n disabled = true`)}`) // prettier-ignore
    expect(found.map(({ name, type, disabled }) => [name, type, disabled])).to.deep.equal([
      ['transit', 'transit', false],
      ['static', 'static', false],
      ['old', 'static', true],
    ])
    expect(found[0]).to.include({ mount: 'keys', namespace: '', renews: true, ca: '' })
  })

  it('reads the key of KMS from the block, and omitted settings from the environment', async () => {
    const all =
      'region = "eu-central-1"\n access_key = "A"\n secret_key = "hidden"\n session_token = "passing"\n kms_key_id = "alias/unseal"\n endpoint = "https://kms.example"'
    const [given] = await seals(block(all, 'awskms'))
    if (given?.type !== 'awskms') throw new Error('no seal awskms')
    expect(given).to.include({ region: 'eu-central-1', keyId: 'alias/unseal', endpoint: 'https://kms.example' })
    expect([given.credentials.secretKey.reveal(), given.credentials.sessionToken?.reveal()]).to.deep.equal(['hidden', 'passing']) // prettier-ignore
    expect(JSON.stringify(given)).to.not.match(/hidden|passing/)
    const variables = { AWS_REGION: 'cn-north-1', AWS_ACCESS_KEY_ID: 'B', AWS_SECRET_ACCESS_KEY: 'secret', AWS_SESSION_TOKEN: 'session', VAULT_AWSKMS_SEAL_KEY_ID: 'other' } // prettier-ignore
    const [left] = await withVariables(variables, async () => seals(block('name = "k"', 'awskms')))
    expect(left).to.include({ keyId: 'other', endpoint: 'https://kms.cn-north-1.amazonaws.com.cn' })
    const [named] = await withVariables({ ...variables, AWS_KMS_ENDPOINT: 'https://vpce.example', BAO_AWSKMS_SEAL_KEY_ID: 'bao' }, async () => seals(block('region = "us-west-2"', 'awskms'))) // prettier-ignore
    expect(named).to.include({ keyId: 'bao', region: 'us-west-2', endpoint: 'https://vpce.example' })
    // The key of one account with the secret of another one would be refused by AWS, for a reason that is hard to find.
    const mixed = withVariables(variables, async () => refusal(block('access_key = "A"', 'awskms')))
    expect(await mixed).to.match(/needs kms_key_id, access_key and secret_key/)
  })

  it('reads the key of an HSM from the block, and omitted settings from the environment', async () => {
    const all =
      'lib = "/usr/lib/hsm.so"\n slot = "0x2000000000000001"\n token_label = "lab"\n pin = "1234"\n key_label = "unseal"\n key_id = "0x0A0b"\n mechanism = "0x1087"\n rsa_oaep_hash = "SHA384"'
    const [given] = await seals(block(all, 'pkcs11'))
    if (given?.type !== 'pkcs11') throw new Error('no seal pkcs11')
    expect(given).to.include({ lib: '/usr/lib/hsm.so', slot: '2305843009213693953', tokenLabel: 'lab', mechanism: 'aes-gcm', oaepHash: 'sha384' }) // prettier-ignore
    expect(given.key).to.deep.equal({ label: 'unseal', id: '0a0b' })
    expect(given.pin.reveal()).to.equal('1234')
    expect(JSON.stringify(given)).to.not.include('1234')
    const [left] = await withVariables({ VAULT_HSM_LIB: '/a.so', BAO_HSM_SLOT: '7', VAULT_HSM_PIN: '5678', VAULT_HSM_KEY_LABEL: 'k', VAULT_HSM_MECHANISM: 'CKM_RSA_PKCS_OAEP' }, async () => seals(block('name = "h"', 'pkcs11'))) // prettier-ignore
    expect(left).to.include({ lib: '/a.so', slot: '7', mechanism: 'rsa-oaep', oaepHash: 'sha256' })
    if (left?.type === 'pkcs11') expect(left.pin.reveal()).to.equal('5678')
    const [fromFile] = await seals(block(`lib = "l"\n slot = 3\n pin = "file://${file('pin', '99\n')}"\n key_label = "k"`, 'pkcs11')) // prettier-ignore
    if (fromFile?.type === 'pkcs11') expect([fromFile.pin.reveal(), fromFile.slot]).to.deep.equal(['99', '3'])
  })

  it('sets the use of recovery keys', async () => {
    const load = async (text: string) => (await loadConfig([file('c.hcl', enough + text)])).recoveryUnseals
    expect(await load('')).to.equal(false)
    expect(await load('recovery_keys = "authorize"')).to.equal(false)
    expect(await load('recovery_keys = "unseal"')).to.equal(true)
    expect(await refusal('recovery_keys = "yes"')).to.match(/c\.hcl:6: recovery_keys is "authorize"/)
  })

  const given = `current_key_id = "a"\n current_key = "file://${keyFile}"`
  const kms = 'kms_key_id = "k"\n access_key = "a"\n secret_key = "s"'
  const hsm = 'lib = "l"\n token_label = "t"\n pin = "p"\n key_label = "k"'
  const mistakes: readonly (readonly [string, RegExp])[] = [
    [block('', 'awskms2'), /seal "awskms2" is not known; this server has: static, transit, awskms, pkcs11/],
    [block('', 'constructor'), /is not known/],
    [block(''), /needs current_key_id and current_key/],
    [block('current_key_id = "a"\n current_key = ""'), /not an empty one/],
    [block('current_key_id = "a"\n current_key = "env://"'), /no variable/],
    [block('current_key_id = "a"\n current_key = "env://NOT_THERE_AT_ALL"'), /no variable NOT_THERE_AT_ALL/],
    [block('current_key_id = "a"\n current_key = "file:///nowhere"'), /c\.hcl:8: current_key: .*ENOENT/],
    [
      block(`current_key_id = "a"\n current_key = "file://${file('short', 'abc')}"`),
      /no key of 32 bytes.*openssl rand/,
    ],
    [block(`${given}\n previous_key_id = "b"`), /belong together/],
    [block(`${given}\n previous_key_id = "a"\n previous_key = "file://${keyFile}"`), /are the same/],
    [block(`${given}\n curent_key = "x"`), /did you mean "current_key"/],
    [`${block(given)}\n${block(given)}`, /a seal named "static" already/],
    [block('address = "https://a"\n key_name = "k"', 'transit'), /needs address, key_name and token/],
    [block('address = "https://a"\n key_name = "k"\n token = " "', 'transit'), /not an empty one/],
    [block('address = "ftp://a"\n key_name = "k"\n token = "t"', 'transit'), /address.*no http or https address/],
    [block('address = "http://kms.example"\n key_name = "k"\n token = "t"', 'transit'), /use https/],
    [block('address = "https://a"\n key_name = "k"\n token = "t"\n mount_path = "/"', 'transit'), /mount_path/],
    [block('kms_key_id = "k"\n access_key = "a"', 'awskms'), /needs kms_key_id, access_key and secret_key/],
    [block('access_key = "a"\n secret_key = "s"', 'awskms'), /needs kms_key_id/],
    [block(`${kms}\n region = "x/y"`, 'awskms'), /region is the name of a region/],
    [block(`${kms}\n endpoint = "http://kms.example"`, 'awskms'), /endpoint: .*use https/],
    [block('lib = "l"\n token_label = "t"\n key_label = "k"', 'pkcs11'), /needs lib, token_label or slot, and pin/],
    [block('lib = "l"\n pin = "p"\n key_label = "k"', 'pkcs11'), /needs lib, token_label or slot, and pin/],
    [block('lib = "l"\n token_label = "t"\n pin = "p"', 'pkcs11'), /needs key_label or key_id/],
    [block(`${hsm}\n slot = "one"`, 'pkcs11'), /slot is the number of a slot/],
    [block(`${hsm}\n key_id = "0x123"`, 'pkcs11'), /key_id is hexadecimal/],
    [block(`${hsm}\n mechanism = "0x1085"`, 'pkcs11'), /mechanism is 0x1087 .* or 0x0009/],
    [block(`${hsm}\n rsa_oaep_hash = "md5"`, 'pkcs11'), /rsa_oaep_hash is one of sha1, /],
    [
      block(`${hsm}\n generate_key = "true"`, 'pkcs11'),
      /creates no keys in an HSM; create one, .*pkcs11-tool --keygen/,
    ],
  ]
  for (const [text, message] of mistakes)
    it(`refuses ${JSON.stringify(text)}`, async () => {
      expect(await withVariables({}, async () => refusal(text))).to.match(message)
    })
})
