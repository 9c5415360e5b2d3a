import { randomUUID } from 'node:crypto'
import { EncryptedBarrier } from '../../src/barrier/barrier.ts'
import { Fault } from '../../src/contract/fault.ts'
import { GenerateRoot, rootTokenLength } from '../../src/core/seal/generate-root.ts'
import { Rekey } from '../../src/core/seal/rekey.ts'
import { SealManager } from '../../src/core/seal/seal-manager.ts'
import { ShareBackups } from '../../src/core/seal/share-backup.ts'
import type { LifecycleHooks } from '../../src/core/seal/lifecycle.ts'
import { randomBytes } from '../../src/crypto/fast/random.ts'
import { RootKeySeal } from '../../src/seal/root-key-seal.ts'
import { base62 } from '../../src/util/base62.ts'
import type { Clock } from '../../src/util/clock.ts'
import { silent } from '../../src/util/log.ts'
import { FailingStorage } from './failing-storage.ts'

/** Waits for nothing: what should happen later happens at the next turn of the event loop. */
const hasty: Clock = {
  now: () => Date.UTC(2030, 0, 1),
  after: (_, task) => {
    const pending = setImmediate(task)
    return { cancel: () => clearImmediate(pending) }
  },
}

/** A room over a storage that can be made to fail, with its ceremonies; on the same storage again it is the server restarted. */
export class TestRoom {
  readonly storage: FailingStorage
  readonly barrier: EncryptedBarrier
  readonly room: SealManager
  readonly rekey: Rekey
  readonly rotation: Rekey
  readonly root: GenerateRoot
  /** What the room asked its life to do. */
  readonly calls: string[] = []
  /** Replace one to make it fail. */
  life: LifecycleHooks

  constructor(storage = new FailingStorage()) {
    this.storage = storage
    this.barrier = new EncryptedBarrier({ storage, clock: hasty, random: randomBytes })
    this.life = {
      afterUnseal: async () => {
        await this.barrier.view('core/').put('opened', true)
      },
      beforeSeal: async () => {
        for (const ceremony of [this.rekey, this.rotation, this.root]) ceremony.drop()
      },
      createRootToken: async () => base62(rootTokenLength, randomBytes),
    }
    const told = (name: 'afterUnseal' | 'beforeSeal'): (() => Promise<void>) => {
      return async () => {
        this.calls.push(name)
        await this.life[name]()
      }
    }
    this.room = new SealManager({
      storage,
      barrier: this.barrier,
      seal: new RootKeySeal(randomBytes),
      random: randomBytes,
      uuid: randomUUID,
      clock: hasty,
      log: silent,
      hooks: {
        afterUnseal: told('afterUnseal'),
        beforeSeal: told('beforeSeal'),
        createRootToken: async () => this.life.createRootToken(),
      },
    })
    const backups = new ShareBackups(this.barrier.view('core/'))
    this.rekey = new Rekey(this.room, randomUUID, backups)
    this.rotation = new Rekey(this.room, randomUUID, backups)
    this.root = new GenerateRoot(this.room, randomBytes, randomUUID)
  }

  /** The same storage after a restart, sealed. */
  restarted(): TestRoom {
    this.storage.plan = []
    this.storage.always = undefined
    return new TestRoom(this.storage)
  }

  async unseal(shares: readonly Uint8Array[]): Promise<void> {
    for (const share of shares) await this.room.unseal(share)
  }

  /** Whether these shares open the server after a restart. */
  async opensWith(shares: readonly Uint8Array[]): Promise<boolean> {
    const again = this.restarted()
    await again.unseal(shares).catch(() => {})
    const open = again.room.isUnsealed && (await again.barrier.view('core/').get('opened')) === true
    await again.room.seal()
    return open
  }

  /** Gives shares to a ceremony with its nonce; what the last one gave. */
  async give(rekey: Rekey, shares: readonly Uint8Array[]) {
    const { nonce } = await rekey.status()
    let last: Awaited<ReturnType<Rekey['update']>>
    for (const share of shares) last = await rekey.update(share, nonce, 'idle')
    return last
  }
}

/** An initialised and open room. */
export async function openRoom(count = 3, threshold = 2) {
  const test = new TestRoom()
  const { shares } = await test.room.initialise(count, threshold)
  await test.unseal(shares.slice(0, threshold))
  return { test, shares }
}

/** The Fault that a call ends with. */
export async function faultOf(call: Promise<unknown>): Promise<Fault> {
  const thrown = await call.then(
    () => undefined,
    (error: unknown) => error,
  )
  if (thrown instanceof Fault) return thrown
  throw new Error(`expected a Fault, got ${thrown instanceof Error ? thrown.stack : String(thrown)}`)
}
