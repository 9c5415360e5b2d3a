import type { EngineHost } from '../../contract/engine.ts'

/** The state of a mount. */
export type Cert = Pick<EngineHost, 'view' | 'clock' | 'limits'>

/** Starts a mount. */
export const startCert = (host: EngineHost): Cert => ({
  view: host.view,
  clock: host.clock,
  limits: () => host.limits(),
})
