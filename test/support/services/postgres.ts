import { spawn, spawnSync } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { chownSync, existsSync, mkdirSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { temporaryFolder } from '../folder.ts'

const installed = '/usr/lib/postgresql'

/** The folder of Debian's newest PostgreSQL, or undefined where there is none. */
export function postgresPrograms(): string | undefined {
  const versions = existsSync(installed) ? readdirSync(installed) : []
  const folders = versions.sort((a, b) => Number(b) - Number(a)).map((version) => join(installed, version, 'bin'))
  return folders.find((folder) => existsSync(join(folder, 'initdb')))
}

/** A PostgreSQL of its own in a temporary folder, on a Unix socket only. */
export class Postgres {
  /** The environment of its clients. */
  readonly env: Readonly<Record<string, string>>
  readonly #programs: string
  readonly #folder = temporaryFolder()
  readonly #owner = ownerId()
  #server: ChildProcess | undefined

  constructor(programs: string) {
    this.#programs = programs
    const path = `${programs}:${process.env['PATH']}`
    this.env = { PATH: path, LC_ALL: 'C', PGHOST: this.#folder, PGUSER: 'tester', PGDATABASE: 'postgres' }
  }

  /** Makes the cluster and waits until it answers. */
  async start(): Promise<void> {
    const data = join(this.#folder, 'data')
    mkdirSync(data)
    if (this.#owner) for (const path of [this.#folder, data]) chownSync(path, this.#owner.uid, this.#owner.gid)
    const flags = ['--username=tester', '--auth=trust', '--encoding=UTF8', '--no-sync', `--pgdata=${data}`]
    this.#run('initdb', flags, this.#owner)
    const where = ['-D', data, '-k', this.#folder, '-c', 'listen_addresses=', '-c', 'fsync=off']
    this.#server = spawn(join(this.#programs, 'postgres'), where, { ...this.#options(this.#owner), stdio: 'ignore' })
    while (spawnSync(join(this.#programs, 'pg_isready'), [], { env: this.env }).status !== 0)
      if (this.#server.exitCode !== null) throw new Error('PostgreSQL did not start')
  }

  /** Runs a client program. @returns its output. @throws with its message if it fails */
  query(sql: string, database = 'postgres'): string {
    return this.#run('psql', ['-qAtX', '-v', 'ON_ERROR_STOP=1', '-d', database, '-c', sql])
  }

  /** A database as SQL. Newer ones guard their dumps with a random key that differs each time. */
  dump(database: string): string {
    return this.#run('pg_dump', [database]).replace(/^\\(un)?restrict .*$/gm, '')
  }

  async stop(): Promise<void> {
    const server = this.#server
    if (!server || server.exitCode !== null) return
    const ended = new Promise((done) => server.once('close', done))
    server.kill('SIGINT')
    await ended
  }

  #options(owner?: Owner) {
    return { cwd: this.#folder, env: this.env, ...owner }
  }

  #run(program: string, words: readonly string[], owner?: Owner): string {
    const options = { ...this.#options(owner), encoding: 'utf8', maxBuffer: 1e9 } as const
    const { status, stdout, stderr, error } = spawnSync(join(this.#programs, program), words, options)
    if (status !== 0) throw error ?? new Error(`${program}: ${stderr}`)
    return stdout
  }
}

interface Owner {
  readonly uid: number
  readonly gid: number
}

/** PostgreSQL refuses to run as root: then it runs as the user that its package made. */
function ownerId(): Owner | undefined {
  if (process.getuid?.() !== 0) return undefined
  const id = (flag: string): number => Number(spawnSync('id', [flag, 'postgres'], { encoding: 'utf8' }).stdout)
  return { uid: id('-u'), gid: id('-g') }
}
