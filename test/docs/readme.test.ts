import { spawn } from 'node:child_process'
import { chmodSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { expect } from 'chai'
import { temporaryFolder } from '../support/folder.ts'
import { devServer, levelServer } from '../support/server.ts'
import type { TestServer } from '../support/server.ts'
import { examplesOf } from './examples.ts'
import type { Example } from './examples.ts'

/** Someone who follows the README in a folder of their own, with `strongroom` at hand. */
class Reader {
  readonly folder = temporaryFolder()
  readonly #env: Readonly<Record<string, string>>

  constructor(env: Readonly<Record<string, string>>) {
    const program = join(this.folder, 'strongroom')
    writeFileSync(program, strongroom)
    chmodSync(program, 0o755)
    symlinkSync(resolve('policies'), join(this.folder, 'policies'))
    this.#env = { ...env, HOME: this.folder, PATH: `${this.folder}:${process.env['PATH']}` }
  }

  /** Types an example, and stops at the first command that fails. @returns what was printed */
  async follows({ language, code }: Example): Promise<string> {
    if (language === 'js') return this.#runs(process.execPath, ['--input-type=module', '-e', code], resolve('.'))
    return this.#runs('bash', ['-ec', code], this.folder)
  }

  async #runs(program: string, words: readonly string[], cwd: string): Promise<string> {
    const child = spawn(program, words, { cwd, env: this.#env, stdio: ['ignore', 'pipe', 'pipe'] })
    let [out, err] = ['', '']
    child.stdout.on('data', (part: Buffer) => (out += part.toString()))
    child.stderr.on('data', (part: Buffer) => (err += part.toString()))
    const code = await new Promise((done) => child.on('close', done))
    expect(code, `${words.join(' ')}\n${out}${err}`).to.equal(0)
    return out
  }
}

/** The program, with the holders of shares beside it: whoever is asked for a share gives the next one of `operator init`. */
const strongroom = `#!/bin/bash
main='${resolve('dist/main.js')}'
case "$1 $2" in
  'operator init')
    node "$main" "$@" | tee "$HOME/made"
    grep -o 'Token: .*' "$HOME/made" | cut -d' ' -f2 > "$HOME/.vault-token" ;;
  'operator unseal')
    echo >> "$HOME/brought"
    grep 'Unseal Key' "$HOME/made" | sed -n "$(wc -l < "$HOME/brought")p" | cut -d' ' -f4 | node "$main" "$@" - ;;
  *) exec node "$main" "$@" ;;
esac
`

/** Follows every example of a kind. @returns what each printed */
async function followed(server: TestServer, reader: Reader, kind: string): Promise<readonly string[]> {
  const printed: string[] = []
  try {
    for (const example of examplesOf('README.md', kind)) {
      const out = await reader.follows(example)
      if (example.promised !== undefined) expect(out, example.code).to.equal(example.promised)
      printed.push(out)
    }
  } finally {
    await server.running.stop()
  }
  return printed
}

describe('the examples of the README', function () {
  this.timeout(60_000)

  it('do what it says, with a development server', async () => {
    const server = await devServer()
    const reader = new Reader({ VAULT_ADDR: server.running.address, VAULT_TOKEN: 'root' })
    const [secrets = '', encryption = '', , curl = '', node] = await followed(server, reader, 'dev')
    expect(secrets).to.match(/secondfirst$/)
    expect(encryption).to.match(/card 4111$/)
    expect(readFileSync(join(reader.folder, 'order.enc'), 'utf8')).to.match(/^vault:v1:/)
    expect(curl).to.include('"ciphertext":"vault:v1:').and.to.include('"password":"second"')
    expect(node).to.equal('node-vault\n')
  })

  it('do what it says, with a sealed server', async () => {
    const server = await levelServer()
    const reader = new Reader({ VAULT_ADDR: server.running.address })
    symlinkSync(join(server.folder, 'audit.log'), join(reader.folder, 'audit.log'))
    const [opening = '', operating = '', audit = ''] = await followed(server, reader, 'production')
    expect(opening.match(/^Unseal Key \d: /gm)).to.have.length(5)
    expect(opening).to.match(/^Sealed +false$(?![^]*^Sealed +true$)/m)
    expect(operating).to.match(/^secret\/ +kv /m)
    expect(operating).to.match(/Success! .*sealed/i)
    expect(audit).to.match(/\d+ lines/)
  })
})
