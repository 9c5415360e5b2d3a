import { execFileSync, spawnSync } from 'node:child_process'
import { existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import { commandGroups } from '../../../../src/cli/command-table.ts'
import { flagsOf } from '../../../../src/cli/framework/command-flags.ts'
import { temporaryFolder } from '../../../support/folder.ts'
import { Shell } from '../../support.ts'
import { leaveOut } from '../../../support/leave-out.ts'

const folder = temporaryFolder()

/** How each shell completes the last of some words, with the script at `$SCRIPT`; one candidate a line. */
const programs: Readonly<Record<string, readonly string[]>> = {
  bash: [
    '--norc',
    '-c',
    'source "$SCRIPT"; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _strongroom; printf "%s\\n" "${COMPREPLY[@]}"',
    'bash',
  ],
  // What zsh brings for its editor stands in here: it filters by the word's beginning.
  zsh: [
    '-f',
    '-c',
    'compdef() { }; _files() { }; compadd() { shift; print -l -- ${(M)@:#${words[CURRENT]}*} }; source "$SCRIPT"; words=("$@"); CURRENT=$#; _strongroom',
    'zsh',
  ],
  fish: ['--no-config', '-c', 'source $SCRIPT; complete -C "$argv"'],
}

const isThere = (shell: string): boolean => spawnSync(shell, ['-c', 'exit 0']).status === 0

for (const [shell, program] of Object.entries(programs))
  describe(`completion for ${shell}`, () => {
    const script = join(folder, shell)

    before(async function () {
      const { code, out, err } = await new Shell().run(`completion ${shell}`)
      expect([code, err]).to.deep.equal([0, ''])
      writeFileSync(script, out)
      if (!isThere(shell)) leaveOut(this, `no ${shell} on this machine`)
    })

    /** What is offered for the last word; in a folder without files. */
    function offered(...words: readonly string[]): readonly string[] {
      const env = { ...process.env, SCRIPT: script, HOME: folder, XDG_CONFIG_HOME: folder, XDG_DATA_HOME: folder }
      const out = execFileSync(shell, [...program, 'strongroom', ...words], {
        env,
        cwd: temporaryFolder(),
        encoding: 'utf8',
        stdio: ['ignore', 'pipe', 'inherit'],
      })
      const lines = out.split('\n').filter((line) => line !== '')
      return lines.map((line) => line.replace(/\t.*/, '')).sort()
    }

    it('is a script that the shell can read', () => {
      expect(spawnSync(shell, ['-n', script]).status).to.equal(0)
    })

    it('offers commands and their subcommands', () => {
      expect(offered('')).to.deep.equal(commandGroups.map(({ word }) => word).sort())
      expect(offered('se')).to.deep.equal(['secrets', 'server'])
      expect(offered('token', '')).to.deep.equal(['capabilities', 'create', 'lookup', 'renew', 'revoke'])
      expect(offered('kv', 'metadata', 'd')).to.deep.equal(['delete'])
      expect(offered('completion', '')).to.deep.equal(['bash', 'fish', 'zsh'])
    })

    it('offers the flags of each command, with one dash or two, also behind others', () => {
      expect(offered('kv', 'get', '-ver')).to.deep.equal(['-version'])
      expect(offered('kv', 'get', '--ver')).to.deep.equal(['--version'])
      expect(offered('token', 'create', '-orphan', '-no-def')).to.deep.equal(['-no-default-policy'])
      expect(offered('read', '-ca')).to.deep.equal(['-ca-cert', '-ca-path'])
      expect(offered('print', 'token', '-ca'), 'it talks to no server').to.deep.equal([])
    })

    it('offers nothing behind an argument, and runs nothing that was typed', () => {
      const file = join(folder, `${shell}-ran`)
      for (const word of [`$(touch ${file})`, `\`touch ${file}\``, "a'b", '*', 'x y']) {
        if (shell !== 'fish') expect(offered('kv', word, ''), word).to.deep.equal([])
        if (shell !== 'fish') expect(offered('kv', word), word).to.deep.equal([])
      }
      expect(offered('kv', 'get', 'get', '')).to.deep.equal([])
      expect(existsSync(file)).to.equal(false)
    })
  })

describe('completion', () => {
  it('knows every flag of every command', async () => {
    const { out } = await new Shell().run('completion bash')
    for (const { load } of commandGroups)
      for (const command of await load())
        for (const name of Object.keys(flagsOf(command))) {
          const row = new RegExp(`^    '${command.name}'\\) echo '(?:.* )?-${name}(?: .*)?' ;;$`, 'm')
          expect(row.test(out), `${command.name} -${name}`).to.equal(true)
        }
  })

  it('is for shells that it knows', async () => {
    for (const line of ['completion bash', 'completion zsh', 'completion fish'])
      expect((await new Shell().run(line)).code, line).to.equal(0)
    expect((await new Shell().run('completion tcsh')).code).to.equal(1)
  })
})
