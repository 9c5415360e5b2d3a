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
import { FailingStorage } from './storages/failing-storage.ts'

/** A clock without waits: timers run at the next turn of the event loop. */
const hasty: Clock = {
  now: () => Date.UTC(2030, 0, 1),
  after: (_, task) => {
    const pending = setImmediate(task)
    return { cancel: () => clearImmediate(pending) }
  },
}

/** A seal manager over a storage that can be made to fail, with its key-share operations. Another one on the same storage is the restarted server. */
export class TestSealManager {
  readonly storage: FailingStorage
  readonly barrier: EncryptedBarrier
  readonly manager: SealManager
  readonly rekey: Rekey
  readonly rotation: Rekey
  readonly root: GenerateRoot
  /** The hooks that the manager has called. */
  readonly calls: string[] = []
  /** Replace one to make it fail. */
  hooks: LifecycleHooks

  constructor(storage = new FailingStorage()) {
    this.storage = storage
    this.barrier = new EncryptedBarrier({ storage, clock: hasty, random: randomBytes })
    this.hooks = {
      afterUnseal: async () => {
        await this.barrier.view('core/').put('opened', true)
      },
      beforeSeal: async () => {
        for (const operation of [this.rekey, this.rotation, this.root]) operation.drop()
      },
      createRootToken: async () => base62(rootTokenLength, randomBytes),
    }
    const recorded = (name: 'afterUnseal' | 'beforeSeal'): (() => Promise<void>) => {
      return async () => {
        this.calls.push(name)
        await this.hooks[name]()
      }
    }
    this.manager = new SealManager({
      storage,
      barrier: this.barrier,
      seal: new RootKeySeal(randomBytes),
      random: randomBytes,
      uuid: randomUUID,
      clock: hasty,
      log: silent,
      hooks: {
        afterUnseal: recorded('afterUnseal'),
        beforeSeal: recorded('beforeSeal'),
        createRootToken: async () => this.hooks.createRootToken(),
      },
    })
    const backups = new ShareBackups(this.barrier.view('core/'))
    this.rekey = new Rekey(this.manager, randomUUID, backups)
    this.rotation = new Rekey(this.manager, randomUUID, backups)
    this.root = new GenerateRoot(this.manager, randomBytes, randomUUID)
  }

  /** The same storage after a restart, sealed. */
  restarted(): TestSealManager {
    this.storage.plan = []
    this.storage.always = undefined
    return new TestSealManager(this.storage)
  }

  async unseal(shares: readonly Uint8Array[]): Promise<void> {
    for (const share of shares) await this.manager.unseal(share)
  }

  /** Whether these shares unseal the server after a restart. */
  async opensWith(shares: readonly Uint8Array[]): Promise<boolean> {
    const again = this.restarted()
    await again.unseal(shares).catch(() => {})
    const open = again.manager.isUnsealed && (await again.barrier.view('core/').get('opened')) === true
    await again.manager.seal()
    return open
  }

  /** Submits shares to a rekey with its nonce. @returns the answer to the last one */
  async give(rekey: Rekey, shares: readonly Uint8Array[]) {
    const { nonce } = await rekey.status()
    let last: Awaited<ReturnType<Rekey['update']>>
    for (const share of shares) last = await rekey.update(share, nonce, 'idle')
    return last
  }
}

/** An initialised and unsealed seal manager. */
export async function unsealedManager(count = 3, threshold = 2) {
  const test = new TestSealManager()
  const { shares } = await test.manager.initialise(count, threshold)
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
