import { expect } from 'chai'
import * as fc from 'fast-check'
import type { TokenRecord } from '../../../../src/contract/identity.ts'
import type { ApiPath, Request } from '../../../../src/contract/request.ts'
import type { Acls } from '../../../../src/core/policies/acl-cache.ts'
import { decide } from '../../../../src/core/request/decision/decide.ts'
import { Namespace, rootRecord } from '../../../../src/core/namespaces/namespace.ts'
import type { NamespaceContent } from '../../../../src/core/namespaces/namespace.ts'
import type { Namespaces } from '../../../../src/core/namespaces/namespaces.ts'
import { Router } from '../../../../src/core/request/router.ts'
import { compileAcl } from '../../../../src/policy/acl.ts'
import { parsePolicy } from '../../../../src/policy/document.ts'
import type { TokenStore } from '../../../../src/tokens/store.ts'
import { Secret } from '../../../../src/util/secret.ts'
import { slowlyAllowed } from '../../../reference/acl.ts'
import type { SlowRule } from '../../../reference/acl.ts'

const name = fc.constantFrom('a', 'b', 'ab', 'kv')
const segments = fc
  .array(fc.oneof({ weight: 4, arbitrary: name }, fc.constant('+')), { minLength: 1, maxLength: 4 })
  .map((parts) => parts.join('/'))
const rule: fc.Arbitrary<SlowRule> = fc.record({
  path: fc.oneof(segments, segments.map((path) => `${path}/*`), fc.constant('*'), name.map((one) => `${one}*`)),
  capabilities: fc.constantFrom('read', 'list', 'read', 'deny').map((capability) => [capability]),
}) // prettier-ignore

/** Namespaces to make, each under one of those before it. */
const forests = fc.array(fc.record({ parent: fc.nat(), name }), { minLength: 1, maxLength: 8 })
const requests = fc.array(
  fc.record({
    header: fc.array(name, { maxLength: 3 }),
    from: fc.constantFrom('header', 'root', 'home'),
    path: fc.array(name, { minLength: 1, maxLength: 4 }).map((parts) => parts.join('/') as ApiPath),
    operation: fc.constantFrom('read', 'list'),
  }),
  // About 20 each time, and one when it is shrunk.
  { minLength: 1, maxLength: 40, size: 'max' },
)

/** A tree of namespaces without anything in them, and where each is. */
function forest(wanted: readonly { readonly parent: number; readonly name: string }[]) {
  const nothing = { mounts: { router: new Router() } } as unknown as NamespaceContent
  const root = new Namespace(rootRecord, undefined, nothing)
  const all = [root]
  for (const [each, { parent: at, name: named }] of wanted.entries()) {
    const parent = all[at % all.length] as Namespace
    if (parent.children.has(named)) continue
    const record = { ...rootRecord, uuid: `u${each}`, id: `n${each}`, path: `${parent.path}${named}/` }
    const child = new Namespace(record, parent, nothing)
    parent.children.set(named, child)
    all.push(child)
  }
  return { root, all }
}

/** What a request is answered, found out slowly: by trying every namespace, and with policies written out in full. */
function slowly(
  all: readonly Namespace[],
  home: Namespace,
  rules: readonly SlowRule[],
  { namespace, path, operation }: Pick<Request, 'namespace' | 'path' | 'operation'>,
): string {
  const full = namespace + path
  const led = all.filter((one) => full.startsWith(one.path)).sort((a, b) => b.path.length - a.path.length)[0]
  if (!led?.path.startsWith(namespace)) return 'namespace not found'
  const outside = !led.path.startsWith(home.path)
  const whole = rules.map(({ path: own, capabilities }) => ({ capabilities, path: home.path + own }))
  return !outside && slowlyAllowed(whole, full, operation) ? 'no handler' : 'permission denied'
}

describe('a request in a tree of namespaces', () => {
  it('CVE-2020-10661: is decided as a slow twin does, on 10,000 random spellings, in 600 random trees with policies and tokens', async function () {
    this.timeout(60_000)
    const seen = new Map<string, number>()
    const cases = fc.record({ wanted: forests, at: fc.nat(), rules: fc.array(rule, { minLength: 1, maxLength: 5 }), asked: requests }) // prettier-ignore
    await fc.assert(
      fc.asyncProperty(cases, async ({ wanted, at, rules, asked }) => {
        const { root, all } = forest(wanted)
        const home = all[at % all.length] as Namespace
        const parts = partsOf(root, all, home, rules)
        for (const { header, from, path, operation } of asked) {
          const namespace = { header: header.map((one) => `${one}/`).join(''), root: '', home: home.path }[from]
          const { refusal } = await decide(parts, { ...blank, operation, namespace, path })
          const [want, got] = [slowly(all, home, rules, { namespace, path, operation }), refusal?.message ?? '']
          const about = `${operation} "${namespace}" ${path}, token of "${home.path}", in ${all.map((one) => one.path).join(' ')}`
          expect(got.startsWith(want), `want ${want}, got ${got}: ${about}`).to.equal(true)
          seen.set(want, (seen.get(want) ?? 0) + 1)
        }
      }),
      { numRuns: 600 },
    )
    expect([...seen.values()].reduce((sum, count) => sum + count)).to.be.greaterThan(8000)
    for (const outcome of ['namespace not found', 'permission denied', 'no handler'])
      expect(seen.get(outcome), outcome).to.be.greaterThan(500)
  })
})

const blank: Request = {
  id: '', protocol: 'vault', operation: 'read', namespace: '', path: '' as ApiPath, data: {},
  credential: { kind: 'token', token: new Secret('t') }, client: { address: '127.0.0.1', port: 1 }, headers: {},
} // prettier-ignore

/** What `decide` needs: these namespaces, and one token with these rules. */
function partsOf(root: Namespace, all: readonly Namespace[], home: Namespace, rules: readonly SlowRule[]) {
  const text = rules.map(
    ({ path, capabilities }) => `path "${path}" { capabilities = ${JSON.stringify(capabilities)} }`,
  )
  const acl = compileAcl([{ name: 'p', document: parsePolicy(text.join('\n')) }], { now: () => 0 })
  const token = { id: 't', namespace: home.id, policies: ['p'], numUses: 0, entityId: '' } as unknown as TokenRecord
  return {
    namespaces: { root, byId: (id: string) => all.find((one) => one.id === id) } as unknown as Namespaces,
    tokens: { resolve: () => token, allowsAddress: () => true } as unknown as TokenStore,
    acls: { of: () => acl } as unknown as Acls,
    identities: () => undefined,
    inlineLogins: { token: async () => token },
  }
}
