import type { View } from '../../contract/view.ts'
import type { Clock } from '../../util/clock.ts'
import type { TokenPort } from './port.ts'

/** The state of the token method: the store, and the roles in the mount's own view. */
export interface TokenState {
  readonly tokens: TokenPort
  readonly view: View
  readonly clock: Clock
}
