import { Fault, asFault, refuse } from '../../contract/fault.ts'
import type { Request } from '../../contract/request.ts'
import type { Route } from '../../contract/route.ts'
import { anyone } from './decision/caller.ts'
import type { Decision } from './decision/decision.ts'
import { Trie } from './trie.ts'

/** Tells which requests carry a file in place of parameters, by the routes of `sys/`. */
export function uploadsTo(routes: readonly Route[]): (head: Pick<Request, 'path' | 'operation'>) => boolean {
  const trie = new Trie(routes.filter((route) => route.upload))
  return ({ path, operation }) =>
    operation !== 'help' && path.startsWith('sys/') && trie.find(path.slice(4))?.offers[operation] !== undefined
}

/**
 * Decides while the server is sealed or not initialised: only routes with `whenSealed` exist, and they need no token. A
 * wrong verb on one of their paths gets its own error; all other requests get "sealed".
 */
export function sealedDecider(routes: readonly Route[]): (request: Request) => Decision {
  const trie = new Trie(routes.filter((route) => route.whenSealed))
  return (request) => {
    const base = {
      request,
      operation: request.operation === 'write' ? ('update' as const) : request.operation,
      caller: anyone,
      granting: [],
    }
    try {
      const match = request.path.startsWith('sys/') ? trie.find(request.path.slice('sys/'.length)) : undefined
      const route = match && request.operation !== 'help' ? match.offers[request.operation] : undefined
      if (!match) throw new Fault('sealed', 'Vault is sealed')
      if (request.namespace !== '' && Object.values(match.offers).some((one) => one.rootOnly))
        throw refuse('operation only available in root namespace')
      if (!route) throw new Fault('unsupported_operation', '')
      return { ...base, route, params: match.params }
    } catch (thrown) {
      return { ...base, params: {}, refusal: asFault(thrown) }
    }
  }
}
