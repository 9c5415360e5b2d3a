import type { View } from '../../contract/view.ts'
import type { Clock } from '../../util/clock.ts'
import type { TokenPort } from './port.ts'

/** What the routes of the token method work with: the store, and the roles in the mount's own view. */
export interface TokenState {
  readonly tokens: TokenPort
  readonly view: View
  readonly clock: Clock
}
