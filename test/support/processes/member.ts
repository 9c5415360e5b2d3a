import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { shareStorage } from '../../../src/storage/socket/owner.ts'
import type { SharedSocket } from '../../../src/storage/socket/owner.ts'
import { SocketStorage } from '../../../src/storage/socket/member.ts'
import type { Storage } from '../../../src/contract/storage.ts'
import { silent } from '../../../src/util/log.ts'
import { temporaryFolder } from '../folder.ts'
import { TestServer } from '../server.ts'

/** A storage that is shared in this process, and its members. */
export interface Shared {
  readonly folder: string
  member(name?: string): Promise<SocketStorage>
  close(): Promise<void>
}

/** A storage over a socket that closes the storage behind it. */
export async function overSocket(storage: Storage): Promise<Storage> {
  const all = await shared(storage)
  const one = await all.member()
  const end = one.close.bind(one)
  return Object.assign(one, {
    close: async () => {
      one.close = end
      await all.close()
      await storage.close()
    },
  })
}

/** Shares a storage over a socket in a folder of its own. */
export async function shared(storage: Storage, leaseMs?: number): Promise<Shared> {
  const folder = temporaryFolder()
  const socket: SharedSocket = await shareStorage(storage, { folder, log: silent, ...(leaseMs && { leaseMs }) })
  const members: SocketStorage[] = []
  return {
    folder,
    member: async (name = `m${members.length}`) => {
      const member = await SocketStorage.connect(folder, name)
      members.push(member)
      return member
    },
    close: async () => {
      for (const member of members) await member.close()
      await socket.close()
    },
  }
}

/** A server in a process of its own, on the storage of another server. */
export class MemberProcess extends TestServer {
  readonly #child: ChildProcess

  private constructor(child: ChildProcess, address: string, folder: string) {
    const running = {
      address,
      addresses: [address],
      listeners: [address],
      storageType: 'socket',
      hasSeal: false,
      isInitialised: true,
      logFormat: 'standard' as const,
      reload: async () => [],
      stop: async () => {},
    }
    super(running, folder, '')
    this.#child = child
  }

  /** Starts it, sealed. @param audited whether it has an audit device of its own */
  static async start(socket: string, name: string, audited = true): Promise<MemberProcess> {
    const folder = temporaryFolder()
    const config = join(folder, 'strongroom.hcl')
    const audit = `audit "file" "file" { options { file_path = "${folder}/audit.log" } }`
    writeFileSync(config, `storage "inmem" {}\nlistener "tcp" { address = "127.0.0.1:0" tls_disable = true }\n${audited ? audit : ''}\n`) // prettier-ignore
    const script = new URL('./member-process.js', import.meta.url).pathname
    const child = spawn(process.execPath, [script, socket, name, config], { stdio: ['ignore', 'pipe', 'pipe'] })
    const address = await new Promise<string>((resolve, reject) => {
      let log = ''
      child.stderr.on('data', (part: Buffer) => (log += part.toString()))
      child.stdout.once('data', (line: Buffer) => resolve(line.toString().trim()))
      child.once('exit', () => reject(new Error(`the process ended: ${log}`)))
    })
    return new MemberProcess(child, address, folder)
  }

  /** Stops it in the middle of whatever it does, or lets it go on. */
  signal(signal: 'SIGSTOP' | 'SIGCONT'): void {
    this.#child.kill(signal)
  }

  async end(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return
    const gone = once(this.#child, 'exit')
    this.#child.kill('SIGKILL')
    await gone
  }
}
