import { spawn } from 'node:child_process'
import { chmodSync, symlinkSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { expect } from 'chai'
import { temporaryFolder } from '../support/folder.ts'
import { program } from '../support/program.ts'
import type { Example } from './examples.ts'

/** Someone who follows a page in a folder of their own, with `strongroom` at hand. */
export class Reader {
  readonly folder = temporaryFolder()
  readonly #env: Readonly<Record<string, string>>

  constructor(env: Readonly<Record<string, string>>) {
    const command = join(this.folder, 'strongroom')
    writeFileSync(command, strongroom)
    chmodSync(command, 0o755)
    symlinkSync(resolve('policies'), join(this.folder, 'policies'))
    this.#env = { ...env, HOME: this.folder, PATH: `${this.folder}:${env['PATH'] ?? process.env['PATH']}` }
  }

  /** Types an example, and stops at the first command that fails. @returns what was printed */
  async follows({ language, code }: Example): Promise<string> {
    if (language === 'js') return this.#runs(process.execPath, ['--input-type=module', '-e', code], resolve('.'))
    return this.#runs('bash', ['-ec', code], this.folder)
  }

  async #runs(command: string, words: readonly string[], cwd: string): Promise<string> {
    const child = spawn(command, words, { cwd, env: this.#env, stdio: ['ignore', 'pipe', 'pipe'] })
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
main='${program}'
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
