import { Fault } from '../../contract/fault.ts'
import { whyOf } from '../../core/telemetry/events.ts'
import type { EventFields, Events, KeyShareOperation } from '../../core/telemetry/events.ts'
import type { SystemPorts } from '../../system/engine.ts'

type Refusal = 'initialize_failed' | 'unseal_refused'

/** A step whose failure is logged, unless it was already. */
async function logged<T>(step: Promise<T>, failed: (why: string) => void): Promise<T> {
  return step.catch((thrown: unknown) => {
    if (!(thrown instanceof Fault && thrown.details.logged)) failed(whyOf(thrown))
    throw thrown
  })
}

/** Initialisation and unseal, told in the server's own log. Sealing and unsealing themselves are told by the seal manager. */
export function loggedSeal(seal: SystemPorts['seal'], events: Events): SystemPorts['seal'] {
  const refused = (name: Refusal) => (why: string) => events.tell(name, { why })
  return {
    ...seal,
    initialise: async (shares, threshold, keys) => {
      const made = await logged(seal.initialise(shares, threshold, keys), refused('initialize_failed'))
      events.tell('initialized', { shares, threshold })
      return made
    },
    unseal: async (share, options) => {
      await logged(seal.unseal(share, options), refused('unseal_refused'))
      const { sealed, progress, threshold } = await seal.status()
      if (sealed && progress > 0) events.tell('share_accepted', { progress, threshold })
    },
    resetUnseal: async () => {
      await seal.resetUnseal()
      events.tell('unseal_reset', {})
    },
  }
}

type RekeyPort = SystemPorts['rekey']

/** A rekey, told in the server's own log. */
export function loggedRekey(rekey: RekeyPort, events: Events, operation: KeyShareOperation): RekeyPort {
  const refused = (why: string): void => events.tell('key_shares_refused', { operation, why })
  return {
    backups: rekey.backups,
    status: async () => rekey.status(),
    restartVerification: async (missing) => rekey.restartVerification(missing),
    start: async (options, busy) => {
      await logged(rekey.start(options, busy), refused)
      events.tell('key_shares_started', { operation, shares: options.shares, threshold: options.threshold })
    },
    issueFirst: async (options) => {
      const made = await logged(rekey.issueFirst(options), refused)
      if (made) events.tell(made.verify ? 'key_shares_unverified' : 'key_shares_done', { operation })
      return made
    },
    cancel: async (nonce) => {
      await logged(rekey.cancel(nonce), refused)
      events.tell('key_shares_cancelled', { operation })
    },
    update: async (share, nonce, idle) => {
      const made = await logged(rekey.update(share, nonce, idle), refused)
      if (!made) logProgress(events, operation, await rekey.status())
      else events.tell(made.verify ? 'key_shares_unverified' : 'key_shares_done', { operation })
      return made
    },
    verify: async (share, nonce, idle) => {
      const outcome = await logged(rekey.verify(share, nonce, idle), refused)
      const { verificationProgress, threshold } = await rekey.status()
      if (outcome.complete) events.tell('key_shares_done', { operation })
      else logProgress(events, operation, { progress: verificationProgress, required: threshold })
      return outcome
    },
  }
}

function logProgress(
  events: Events,
  operation: KeyShareOperation,
  { progress, required }: Pick<EventFields['key_shares_progress'], 'progress' | 'required'>,
): void {
  events.tell('key_shares_progress', { operation, progress, required })
}

type GenerateRootPort = SystemPorts['generateRoot']

/** The generation of a root token, told in the server's own log. */
export function loggedGenerateRoot(root: GenerateRootPort, events: Events): GenerateRootPort {
  const operation = 'generate-root'
  const refused = (why: string): void => events.tell('key_shares_refused', { operation, why })
  return {
    otpLength: root.otpLength,
    decoded: (encoded, otp) => root.decoded(encoded, otp),
    status: async () => root.status(),
    start: async (otp, pgpKey) => {
      const own = await logged(root.start(otp, pgpKey), refused)
      events.tell('key_shares_started', { operation, shares: 0, threshold: (await root.status()).required })
      return own
    },
    cancel: async (nonce) => {
      await logged(root.cancel(nonce), refused)
      events.tell('key_shares_cancelled', { operation })
    },
    update: async (share, nonce) => {
      const status = await logged(root.update(share, nonce), refused)
      if (status.complete) events.tell('key_shares_done', { operation })
      else logProgress(events, operation, status)
      return status
    },
  }
}

/** Rotations, told in the server's own log. */
export function loggedRotation(rotation: SystemPorts['rotate'], events: Events): SystemPorts['rotate'] {
  return {
    ...rotation,
    rotate: async () => {
      await rotation.rotate()
      events.tell('encryption_key_rotated', { term: rotation.keyStatus().term })
    },
    rotateRoot: async () => {
      await rotation.rotateRoot()
      events.tell('root_key_rotated', {})
    },
  }
}
