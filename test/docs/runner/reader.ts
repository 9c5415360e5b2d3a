import { spawn } from 'node:child_process'
import { chmodSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { expect } from 'chai'
import { temporaryFolder } from '../../support/folder.ts'
import { program } from '../../support/program.ts'
import type { Example } from './examples.ts'
import { exchange } from './exchanges.ts'
import { expectText } from './expected.ts'
import type { Variables } from './expected.ts'

/** Someone who follows a page in a folder of their own, with `strongroom` at hand. */
export class Reader {
  readonly folder = temporaryFolder()
  /** The environment of every command; what a command of a conversation sets is in that of the next ones. */
  readonly #variables: Variables

  constructor(env: Readonly<Record<string, string>>, script = withShares) {
    const command = join(this.folder, 'strongroom')
    writeFileSync(command, script)
    chmodSync(command, 0o755)
    symlinkSync(resolve('policies'), join(this.folder, 'policies'))
    this.#variables = { ...env, HOME: this.folder, PATH: `${this.folder}:${env['PATH'] ?? process.env['PATH']}` }
  }

  /** Types an example, and stops at the first command that fails. @returns what was printed */
  async follows({ language, code }: Example): Promise<string> {
    if (language === 'js') return this.#runs(process.execPath, ['--input-type=module', '-e', code], resolve('.'))
    return this.#runs('bash', ['-ec', code], this.folder)
  }

  /** Holds a conversation, as in one terminal: each block prints, or is answered, what is written behind it. */
  async converses(examples: readonly Example[]): Promise<void> {
    for (const example of examples) {
      const { language, code, promised } = example
      if (language === 'http') await exchange(code, this.#variables)
      else {
        const out = language === 'js' ? await this.follows(example) : await this.#types(code)
        if (promised !== undefined) expectText(out.trimEnd(), promised.trimEnd(), this.#variables, code)
      }
    }
  }

  /** Types commands whose errors are printed as well. Variables that they set are remembered. */
  async #types(code: string): Promise<string> {
    const out = await this.#runs(
      'bash',
      ['-ec', `trap 'env -0 > .variables' EXIT\nset -a\nexec 2>&1\n${code}`],
      this.folder,
    )
    for (const line of readFileSync(join(this.folder, '.variables'), 'utf8').split('\0').filter(Boolean)) {
      const [name = ''] = line.split('=', 1)
      if (!['_', 'SHLVL', 'PWD', 'OLDPWD'].includes(name)) this.#variables[name] = line.slice(name.length + 1)
    }
    return out
  }

  async #runs(command: string, words: readonly string[], cwd: string): Promise<string> {
    const child = spawn(command, words, { cwd, env: this.#variables, stdio: ['ignore', 'pipe', 'pipe'] })
    let [out, err] = ['', '']
    child.stdout.on('data', (part: Buffer) => (out += part.toString()))
    child.stderr.on('data', (part: Buffer) => (err += part.toString()))
    const code = await new Promise((done) => child.on('close', done))
    expect(code, `${words.join(' ')}\n${out}${err}`).to.equal(0)
    return out
  }
}

/** The program, with the holders of shares beside it: whoever is asked for a share gives the next one of `operator init`. */
const withShares = `#!/bin/bash
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

/** The program alone. */
export const programAlone = `#!/bin/bash
exec node '${program}' "$@"
`
