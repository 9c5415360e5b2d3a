import { Fault, refuse } from '../contract/fault.ts'
import type { Digests } from './digests/digests.ts'

/** How a barrier learns that records were removed or put back outside strongroom. */
export type RecordChecks = Pick<Digests, 'check' | 'build' | 'companion' | 'trusted' | 'complete' | 'sweep' | 'close'>

const ownerOnly = (): never => {
  throw new Fault('unavailable', 'only the process that owns the storage can do this: unseal that one first')
}

/** Those of a process that reaches the storage through its owner, which checks every record before it hands it out. */
export const checkedByOwner: RecordChecks = {
  check: async (accept) => {
    if (accept !== undefined) throw refuse('damage to records is accepted at the process that owns the storage')
    return undefined
  },
  build: async () => ownerOnly(),
  companion: () => ownerOnly(),
  trusted: () => undefined,
  complete: async () => {},
  sweep: async () => {},
  close: () => {},
}
