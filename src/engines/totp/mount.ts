import type { EngineHost } from '../../contract/engine.ts'
import type { CodesSeen } from './used.ts'

/** The state of a mount. */
export interface Totp extends Pick<EngineHost, 'view' | 'clock'> {
  readonly seen: CodesSeen
  readonly random: (bytes: number) => Uint8Array
}
