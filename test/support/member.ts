import { shareStorage } from '../../src/storage/socket/owner.ts'
import type { SharedSocket } from '../../src/storage/socket/owner.ts'
import { SocketStorage } from '../../src/storage/socket/member.ts'
import type { Storage } from '../../src/contract/storage.ts'
import { silent } from '../../src/util/log.ts'
import { temporaryFolder } from './folder.ts'

/** A storage that is shared in this process, and its members. */
export interface Shared {
  readonly folder: string
  member(name?: string): Promise<SocketStorage>
  close(): Promise<void>
}

/** A storage over a socket that closes with what is behind it. */
export async function overSocket(storage: Storage): Promise<Storage> {
  const { member, close } = await shared(storage)
  const one = await member()
  const end = one.close.bind(one)
  return Object.assign(one, {
    close: async () => {
      one.close = end
      await close()
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
