import type { EngineHost } from '../../contract/engine.ts'
import { Pod } from './pod.ts'

/** The state of a mount. */
export interface Kubernetes extends Pick<EngineHost, 'view' | 'clock' | 'limits' | 'log'> {
  /** The pod that this server runs in, if it does. */
  readonly pod: Pod
  /** Logins that wait for the API server. */
  readonly reviews: { running: number }
}

/** Starts a mount. */
export function startKubernetes(host: EngineHost, folder: string): Kubernetes {
  const { view, clock, log } = host
  return { view, clock, log, limits: () => host.limits(), pod: new Pod(folder), reviews: { running: 0 } }
}
