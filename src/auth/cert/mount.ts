import type { EngineHost } from '../../contract/engine.ts'
import { OcspChecker } from './ocsp/checker.ts'
import type { Refreshing } from './revocation.ts'

/** The state of a mount. */
export interface Cert extends Pick<EngineHost, 'view' | 'clock' | 'limits' | 'log'> {
  readonly ocsp: OcspChecker
  readonly refreshing: Refreshing
}

/** Starts a mount. */
export const startCert = (host: EngineHost): Cert => ({
  view: host.view,
  clock: host.clock,
  log: host.log,
  limits: () => host.limits(),
  ocsp: new OcspChecker(host.clock, host.log),
  refreshing: { running: new Map(), after: new Map() },
})
