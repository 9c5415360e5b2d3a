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

  it('says what recovery keys are for', async () => {
    const load = async (text: string) => (await loadConfig([file('c.hcl', enough + text)])).recoveryUnseals
    expect(await load('')).to.equal(false)
    expect(await load('recovery_keys = "authorize"')).to.equal(false)
    expect(await load('recovery_keys = "unseal"')).to.equal(true)
    expect(await refusal('recovery_keys = "yes"')).to.match(/c\.hcl:6: recovery_keys is "authorize"/)
  })

  const given = `current_key_id = "a"\n current_key = "file://${keyFile}"`
  const mistakes: readonly (readonly [string, RegExp])[] = [
    [block('', 'awskms2'), /seal "awskms2" is not known; this server has: static, transit/],
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
  ]
  for (const [text, message] of mistakes)
    it(`refuses ${JSON.stringify(text)}`, async () => {
      const { BAO_TOKEN: bao, VAULT_TOKEN: vault } = process.env
      delete process.env['BAO_TOKEN']
      delete process.env['VAULT_TOKEN']
      try {
        expect(await refusal(text)).to.match(message)
      } finally {
        Object.assign(process.env, { ...(bao !== undefined && { BAO_TOKEN: bao }), ...(vault !== undefined && { VAULT_TOKEN: vault }) }) // prettier-ignore
      }
    })
})
