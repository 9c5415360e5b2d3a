import type { Gateway, Listener } from '../../src/contract/protocol.ts'
import type { Request } from '../../src/contract/request.ts'
import type { FormedResponse } from '../../src/contract/response.ts'
import { BrowserSettings } from '../../src/core/browser-settings.ts'
import { listenHttp } from '../../src/protocols/http/listener.ts'
import type { HttpOptions } from '../../src/protocols/http/listener.ts'
import { vaultProtocol } from '../../src/protocols/vault/index.ts'

/** A listener that speaks Vault's protocol for a gateway. */
export async function listenVault(gateway: Gateway, options: HttpOptions): Promise<Listener> {
  return listenHttp({ protocols: [vaultProtocol(gateway, new BrowserSettings())], pages: [] }, options)
}

/** A gateway that admits every request, and handles it so. */
export function gatewayTo(handle: (request: Request) => Promise<FormedResponse>): Gateway {
  return {
    admit: (head) => ({
      headers: undefined,
      takesUpload: false,
      handle: async (parameters) => handle({ ...head, ...parameters }),
      refuse: async (refusal) => Promise.reject(refusal),
    }),
  }
}
