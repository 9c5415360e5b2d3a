import type { EngineHost } from '../../contract/engine.ts'
import { OcspChecker } from './ocsp/checker.ts'
import type { Refreshes } from './revocation.ts'

/** The state of a mount. */
export interface Cert extends Pick<EngineHost, 'view' | 'clock' | 'limits' | 'log'> {
  readonly ocsp: OcspChecker
  readonly refreshes: Refreshes
}

/** Starts a mount. */
export const startCert = (host: EngineHost): Cert => ({
  view: host.view,
  clock: host.clock,
  log: host.log,
  limits: () => host.limits(),
  ocsp: new OcspChecker(host.clock, host.log),
  refreshes: { running: new Map(), retryAt: new Map() },
})
