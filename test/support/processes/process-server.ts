import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { cpSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { temporaryFolder } from '../folder.ts'
import { program } from '../program.ts'

interface Answer {
  readonly status: number
  readonly body: Readonly<Record<string, unknown>>
  /** The first of its errors, or ''. */
  readonly error: string
}

/** The program as users run it, in a process of its own, on LevelDB with audit files; it can be killed. */
export class ProcessServer {
  readonly folder = temporaryFolder()
  readonly #env: Readonly<Record<string, string>>
  readonly #through: readonly string[]
  readonly config = join(this.folder, 'strongroom.hcl')
  #child: ChildProcess | undefined
  address = ''
  /** Its log since its last start. */
  serverLog = ''
  token = ''
  keys: readonly string[] = []

  /**
   * @param devices names of audit files; their logs are `<name>.log`. @param more lines of its configuration
   * @param through a command that runs the command behind it
   */
  constructor(
    devices: readonly string[] = ['audit'],
    more = '',
    env: Readonly<Record<string, string>> = {},
    through: readonly string[] = [],
  ) {
    this.#env = env
    this.#through = through
    const audit = devices.map(
      (name) => `audit "file" "${name}" { options { file_path = "${this.folder}/${name}.log" } }`,
    )
    writeFileSync(
      this.config,
      `storage "level" { path = "${this.data}" }\nlistener "tcp" { address = "127.0.0.1:0" tls_disable = true }\n${audit.join('\n')}\n${more}\n`,
    )
  }

  get pid(): number {
    return this.#child?.pid ?? 0
  }

  get data(): string {
    return join(this.folder, 'data')
  }

  /** Starts it; it is sealed then. */
  async start(): Promise<void> {
    const [command, ...words] = [...this.#through, process.execPath, program, 'server', `-config=${this.config}`]
    const child = spawn(command, words, { stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, ...this.#env } }) // prettier-ignore
    this.#child = child
    this.address = await new Promise<string>((resolve, reject) => {
      this.serverLog = ''
      const hear = (part: Buffer): void => {
        this.serverLog += part.toString()
        const said = this.serverLog
        const found = /https?:\/\/127\.0\.0\.1:[1-9][0-9]*/.exec(said)
        if (/listens on|"@event":"started"/.test(said) && found) resolve(found[0])
      }
      child.stdout.on('data', hear)
      child.stderr.on('data', hear)
      child.once('exit', () => reject(new Error(`the server ended: ${this.serverLog}`)))
    })
  }

  /** Sends it a signal that does not end it. */
  signal(signal: NodeJS.Signals): void {
    this.#child?.kill(signal)
  }

  /** Ends it: without a word, unless another signal is given. Fine when it does not run. */
  async kill(signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    const child = this.#child
    this.#child = undefined
    if (!child || child.exitCode !== null || child.signalCode !== null) return
    const gone = once(child, 'exit')
    child.kill(signal)
    await gone
  }

  async call(method: string, path: string, body?: unknown, token = this.token): Promise<Answer> {
    const answer = await fetch(`${this.address}/v1/${path}`, {
      method,
      headers: { 'X-Vault-Token': token },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    })
    const text = await answer.text()
    const parsed = (text === '' ? {} : JSON.parse(text)) as Answer['body']
    return { status: answer.status, body: parsed, error: (parsed['errors'] as readonly string[] | undefined)?.[0] ?? '' } // prettier-ignore
  }

  /** @throws when it is not done. */
  async done(method: string, path: string, body?: unknown): Promise<Answer['body']> {
    const { status, body: answer, error } = await this.call(method, path, body)
    if (status >= 300) throw new Error(`${method} ${path}: ${status} ${error}`)
    return answer
  }

  async init(): Promise<void> {
    const made = await this.done('PUT', 'sys/init', { secret_shares: 3, secret_threshold: 2 })
    this.token = String(made['root_token'])
    this.keys = made['keys'] as readonly string[]
  }

  /** Two shares; the answer to the last one. */
  async unseal(more: Readonly<Record<string, string>> = {}): Promise<Answer> {
    const [first, second] = this.keys
    await this.call('PUT', 'sys/unseal', { key: first, ...more })
    return this.call('PUT', 'sys/unseal', { key: second, ...more })
  }

  /** A copy of a folder or file of this server, which can be put back. */
  copy(name: string): () => void {
    const from = join(this.folder, name)
    const kept = join(temporaryFolder(), name)
    cpSync(from, kept, { recursive: true })
    return () => {
      rmSync(from, { recursive: true, force: true })
      cpSync(kept, from, { recursive: true })
    }
  }

  /** LevelDB's newest log and its length. */
  newestLevelLog(): { readonly path: string; readonly size: number } {
    const names = readdirSync(this.data).filter((name) => /^[0-9]+\.log$/.test(name)).sort() // prettier-ignore
    const path = join(this.data, names.at(-1) ?? '')
    return { path, size: statSync(path).size }
  }

  /** An audit file of a device. */
  lines(device = 'audit'): readonly string[] {
    return readFileSync(join(this.folder, `${device}.log`), 'utf8')
      .split('\n')
      .slice(0, -1)
  }
}
