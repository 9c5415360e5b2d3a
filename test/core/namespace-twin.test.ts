import { expect } from 'chai'
import type { TokenRecord } from '../../src/contract/identity.ts'
import type { ApiPath, Request } from '../../src/contract/request.ts'
import type { Acls } from '../../src/core/policies/acl-cache.ts'
import { decide } from '../../src/core/request/decide.ts'
import { Namespace, rootRecord } from '../../src/core/namespaces/namespace.ts'
import type { Belongings } from '../../src/core/namespaces/namespace.ts'
import type { Namespaces } from '../../src/core/namespaces/namespaces.ts'
import { Router } from '../../src/core/request/router.ts'
import { compileAcl } from '../../src/policy/acl.ts'
import { parsePolicy } from '../../src/policy/document.ts'
import type { TokenStore } from '../../src/tokens/store.ts'
import { Secret } from '../../src/util/secret.ts'
import { slowlyAllowed } from '../reference/acl.ts'
import type { SlowRule } from '../reference/acl.ts'

/** Numbers that look random and are the same in every run. */
function* numbers(seed: number): Generator<number, never> {
  for (let state = seed; ;) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    yield state / 2 ** 32
  }
}

const random = numbers(20_261_127)
const below = (count: number): number => Math.floor(random.next().value * count)
const pick = <T>(from: readonly T[]): T => from[below(from.length)] as T
const names = ['a', 'b', 'ab', 'kv']

/** A tree of namespaces without anything in them, and where each is. */
function forest() {
  const nothing = { mounts: { router: new Router() } } as unknown as Belongings
  const root = new Namespace(rootRecord, undefined, nothing)
  const all = [root]
  for (let each = 0; each < 1 + below(8); each++) {
    const [parent, name] = [pick(all), pick(names)]
    if (parent.children.has(name)) continue
    const record = { ...rootRecord, uuid: `u${each}`, id: `n${each}`, path: `${parent.path}${name}/` }
    const child = new Namespace(record, parent, nothing)
    parent.children.set(name, child)
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
  const whole = rules.map((rule) => ({ ...rule, path: home.path + rule.path }))
  return !outside && slowlyAllowed(whole, full, operation) ? 'no handler' : 'permission denied'
}

describe('a request in a tree of namespaces', () => {
  it('CVE-2020-10661: is decided as a slow twin does, on 12,000 random trees, policies, tokens and spellings', async function () {
    this.timeout(60_000)
    const seen = new Map<string, number>()
    for (let round = 0; round < 600; round++) {
      const { root, all } = forest()
      const home = pick(all)
      const segments = () => Array.from({ length: 1 + below(4) }, () => pick([...names, '+'])).join('/')
      const rules: SlowRule[] = Array.from({ length: 1 + below(5) }, () => ({
        path: pick([segments(), `${segments()}/*`, '*', `${pick(names)}*`]),
        capabilities: [pick(['read', 'list', 'read', 'deny'])],
      }))
      const text = rules.map((rule) => `path "${rule.path}" { capabilities = ${JSON.stringify(rule.capabilities)} }`)
      const acl = compileAcl([{ name: 'p', document: parsePolicy(text.join('\n')) }], { now: () => 0 })
      const token = { id: 't', namespace: home.id, policies: ['p'], numUses: 0 } as unknown as TokenRecord
      const parts = {
        namespaces: { root, byId: (id: string) => all.find((one) => one.id === id) } as unknown as Namespaces,
        tokens: { resolve: () => token, allowsAddress: () => true } as unknown as TokenStore,
        acls: { of: () => acl } as unknown as Acls,
      }
      for (let each = 0; each < 20; each++) {
        const header = Array.from({ length: below(4) }, () => `${pick(names)}/`).join('')
        const path = Array.from({ length: 1 + below(4) }, () => pick(names)).join('/') as ApiPath
        const request: Request = {
          id: '', protocol: 'vault', operation: pick(['read', 'list'] as const), namespace: pick([header, '', home.path]), path, data: {},
          credential: { kind: 'token', token: new Secret('t') }, client: { address: '127.0.0.1', port: 1 }, headers: {},
        } // prettier-ignore
        const { refusal } = await decide(parts, request)
        const [want, got] = [slowly(all, home, rules, request), refusal?.message ?? '']
        const about = `${request.operation} "${request.namespace}" ${path}, token of "${home.path}", in ${all.map((one) => one.path).join(' ')}\n${text.join('\n')}`
        expect(got.startsWith(want), `want ${want}, got ${got}: ${about}`).to.equal(true)
        seen.set(want, (seen.get(want) ?? 0) + 1)
      }
    }
    for (const outcome of ['namespace not found', 'permission denied', 'no handler'])
      expect(seen.get(outcome), outcome).to.be.greaterThan(500)
  })
})
