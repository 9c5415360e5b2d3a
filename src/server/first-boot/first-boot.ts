import { firstBootKey } from '../../contract/barrier.ts'
import { Fault } from '../../contract/fault.ts'
import type { Storage } from '../../contract/storage.ts'
import type { Events } from '../../core/telemetry/events.ts'
import type { ProfileBlock } from '../../profile/profile.ts'
import { utf8 } from '../../util/bytes.ts'
import type { Clock } from '../../util/clock.ts'
import { Secret } from '../../util/secret.ts'
import type { ServerCore } from '../core.ts'
import { performAll } from './requests.ts'

/** The parts of a first boot. */
export interface FirstBootParts {
  readonly core: ServerCore
  readonly storage: Storage
  readonly blocks: readonly ProfileBlock[]
  readonly clock: Clock
  readonly events: Events
}

/**
 * The first start of a storage, without hands: initialises it, performs the requests of the configuration with a root token, and
 * revokes that token. Until all of it is done, the storage has a mark, and the next start begins again with an empty storage: no
 * listener was open, so nobody has written to it. Does nothing for a storage that has been initialised.
 * @throws Error naming the request that failed; the server is sealed then
 */
export async function firstBoot(parts: FirstBootParts): Promise<void> {
  const { core, storage, blocks, events } = parts
  if (storage.member) return
  const [mark] = await storage.get([firstBootKey])
  if (mark && blocks.length === 0)
    throw new Fault('precondition_failed', 'the first boot of this storage is not complete, and the configuration has no initialize blocks any more: restore them, or empty the folder of the storage') // prettier-ignore
  if (blocks.length === 0 || (!mark && (await core.manager.record()))) return
  if (mark) {
    events.tell('first_boot_again', {})
    await core.manager.replaceStorage(
      async () => undefined,
      async () => emptied(storage),
    )
  }
  const requests = blocks.flatMap((block) => block.requests).length
  events.tell('first_boot_started', { blocks: blocks.map(({ name }) => name).join(', '), requests })
  const along = [{ put: firstBootKey, value: utf8('{}') }]
  const { rootToken } = await core.manager.initialise(0, 0, { along })
  await core.manager.unsealAutomatically()
  try {
    const performed = await performAll(parts, new Secret(rootToken))
    const { tokens } = core.unsealed()
    const id = await tokens.idOf(rootToken)
    if (id !== undefined) await tokens.revoke(id)
    await storage.commit({ ops: [{ del: firstBootKey }] })
    events.tell('first_boot_done', { requests: performed })
  } catch (thrown) {
    await core.manager.seal()
    throw thrown
  }
}

/** All at once, or not at all. */
async function emptied(storage: Storage): Promise<void> {
  const replacement = await storage.replacement()
  try {
    await replacement.finish((await storage.rev()) + 1n)
    await replacement.adopt()
  } finally {
    await replacement.discard()
  }
}
