import type { BrowserRules } from '../../contract/browser.ts'
import type { Page } from '../../contract/protocol.ts'

/** Every page: one entry each. A page makes no request to the core: it needs no token and leaves no audit line. */
export function pages(rules: BrowserRules): readonly Page[] {
  return [
    { path: '/', verb: 'GET', respond: () => ({ status: 200, body: '{"api":"/v1/"}\n' }) },
    {
      path: /^\/ui(\/|$)/,
      verb: 'any',
      respond: () => ({ status: 404, body: '{"errors":[]}\n', headers: rules.uiHeaders() }),
    },
  ]
}
