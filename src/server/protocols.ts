import type { BrowserRules } from '../contract/browser.ts'
import type { Gateway, Protocol } from '../contract/protocol.ts'
import { vaultProtocol } from '../protocols/vault/index.ts'

/** The parts of a server that protocols use. */
export interface ProtocolParts {
  readonly gateway: Gateway
  readonly browser: BrowserRules
}

/** Every protocol: one line each. If several match an HTTP message, the first one handles it. */
export function protocols({ gateway, browser }: ProtocolParts): readonly Protocol[] {
  return [vaultProtocol(gateway, browser)]
}
