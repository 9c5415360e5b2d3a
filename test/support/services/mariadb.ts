import { spawn, spawnSync } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { chownSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { temporaryFolder } from '../folder.ts'
import { terminate } from '../processes/terminate.ts'

const plugin = '/usr/lib/mysql/plugin/hashicorp_key_management.so'

/** Whether Debian's MariaDB is there, with its plugin that fetches keys from Vault. */
export function hasMariadb(): boolean {
  return existsSync(plugin) && existsSync('/usr/sbin/mariadbd')
}

/** Where MariaDB fetches its keys. */
export interface KeySource {
  /** With the mount: `http://127.0.0.1:8200/v1/mariadb`. */
  readonly url: string
  readonly token: string
}

/** A MariaDB of its own in a temporary folder, on a Unix socket only, whose tables are encrypted unless they say no. */
export class Mariadb {
  readonly #folder = temporaryFolder()
  readonly #owner = ownerId()
  #server: ChildProcess | undefined

  /** Makes the system tables; they are not encrypted. */
  constructor() {
    mkdirSync(this.#data)
    for (const path of [this.#folder, this.#data]) chownSync(path, this.#owner.uid, this.#owner.gid)
    const words = [`--datadir=${this.#data}`, '--auth-root-authentication-method=normal', '--skip-test-db']
    this.#run('/usr/bin/mariadb-install-db', ['--no-defaults', ...words, '--user=mysql'])
  }

  /** Starts it and waits until it answers. @throws with the end of its log when it does not */
  async start({ url, token }: KeySource): Promise<void> {
    writeFileSync(this.#config, config(this.#folder, url, token))
    // Whatever the umask of this process is by now: MariaDB runs as another user.
    chownSync(this.#config, this.#owner.uid, this.#owner.gid)
    const words = [`--defaults-file=${this.#config}`]
    this.#server = spawn('/usr/sbin/mariadbd', words, { ...this.#owner, cwd: this.#folder, stdio: 'ignore' })
    for (;;) {
      if (this.#server.exitCode !== null) throw new Error(`MariaDB did not start: ${this.log().slice(-2000)}`)
      // Never synchronously: it must be able to fetch keys from the server of this very process meanwhile.
      if (await this.query('select 1').catch(() => undefined)) return
    }
  }

  /** Runs a statement. @returns its rows, columns separated by tabs. @throws with its message if it fails */
  async query(sql: string): Promise<string> {
    const child = spawn('/usr/bin/mariadb', [...this.#client, '--batch', '--skip-column-names', '-e', sql])
    let [out, err] = ['', '']
    child.stdout.on('data', (part: Buffer) => (out += part.toString()))
    child.stderr.on('data', (part: Buffer) => (err += part.toString()))
    const code = await new Promise((done) => child.on('close', done))
    if (code !== 0) throw new Error(err.trim())
    return out.trim()
  }

  /** The bytes of a table's file. */
  file(table: string): Buffer {
    return readFileSync(join(this.#data, 'app', `${table}.ibd`))
  }

  log(): string {
    return readFileSync(join(this.#folder, 'log.err'), 'utf8')
  }

  /** Shuts it down in order, so that its files are complete. */
  async stop(): Promise<void> {
    await terminate(this.#server)
  }

  get #data(): string {
    return join(this.#folder, 'data')
  }

  get #config(): string {
    return join(this.#folder, 'my.cnf')
  }

  get #client(): readonly string[] {
    return ['--no-defaults', `--socket=${this.#folder}/socket`, '--user=root']
  }

  #run(program: string, words: readonly string[]): void {
    const { status, stderr, error } = spawnSync(program, words, { cwd: this.#folder, encoding: 'utf8' })
    if (status !== 0) throw error ?? new Error(`${program}: ${stderr}`)
  }
}

const config = (folder: string, url: string, token: string): string => `[mariadbd]
datadir = ${folder}/data
socket = ${folder}/socket
log-error = ${folder}/log.err
skip-networking
innodb_flush_log_at_trx_commit = 0

plugin-load-add = hashicorp_key_management.so
hashicorp-key-management-vault-url = ${url}
hashicorp-key-management-token = ${token}
innodb_encrypt_tables = ON
innodb_encrypt_log = ON
innodb_encryption_threads = 2
innodb_encryption_rotate_key_age = 1
`

/** MariaDB refuses to run as root: then it runs as the user that its package made. */
function ownerId(): { readonly uid: number; readonly gid: number } {
  if (process.getuid?.() !== 0) return { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 }
  const id = (flag: string): number => Number(spawnSync('id', [flag, 'mysql'], { encoding: 'utf8' }).stdout)
  return { uid: id('-u'), gid: id('-g') }
}
