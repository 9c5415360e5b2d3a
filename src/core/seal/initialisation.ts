import { firstBootKey, plainKeys } from '../../contract/barrier.ts'
import { Fault } from '../../contract/fault.ts'
import type { Protected } from '../../contract/seal.ts'
import { readPgpKey } from '../../crypto/keys/pgp.ts'
import { base64, sameBytes, wipe } from '../../util/bytes.ts'
import type { InitKeys, Initialised, SealManagerParts } from './lifecycle.ts'
import { reason } from './root-key.ts'
import { ShareRecipients } from './share-recipients.ts'

interface Options {
  readonly shares: number
  readonly threshold: number
  readonly keys: InitKeys
  /** Seals. */
  readonly shut: () => Promise<void>
  /** Forgets what is known of the seal. */
  readonly forget: () => void
}

/** See `SealManager.initialise`: the storage has no seal. */
export async function initialise(parts: SealManagerParts, options: Options): Promise<Initialised> {
  const { barrier, seal, random, hooks } = parts
  const { shares, threshold, keys, shut, forget } = options
  const recipients = await ShareRecipients.of(keys.pgpKeys ?? [], shares)
  const owner = keys.rootTokenPgpKey ? await readPgpKey('root_token_pgp_key', keys.rootTokenPgpKey) : undefined
  const root = random(32)
  const made = await seal.protect(root, shares, threshold)
  try {
    await barrier.initialise(root, [made.op, ...(keys.along ?? [])])
    if (!(await barrier.unseal(root))) throw new Fault('unavailable', 'the keyring is not what was just written')
    await hooks.afterUnseal()
    const token = await hooks.createRootToken()
    return {
      shares: await recipients.hand(made.shares),
      rootToken: owner ? base64(await owner.encrypt(token)) : token,
    }
  } catch (thrown) {
    await shut()
    forget()
    await undoInit(parts, made)
    throw thrown
  } finally {
    await shut()
    wipe(root)
  }
}

/** Removes a seal and keyring that were just created, if they exist and are these. */
async function undoInit({ storage, log }: SealManagerParts, made: Protected): Promise<void> {
  try {
    const [seal, keyring] = await storage.get([plainKeys.seal, plainKeys.keyring])
    if (!seal || !keyring || !('value' in made.op) || !sameBytes(seal.value, made.op.value)) return
    await storage.commit({
      expect: [seal, keyring].map(({ key, rev }) => ({ key, rev })),
      ops: [plainKeys.seal, plainKeys.keyring, firstBootKey].map((key) => ({ del: key })),
    })
  } catch (thrown) {
    log.error(
      'the initialisation failed and could not be undone: empty the storage and initialise again',
      reason(thrown),
    )
  }
}
