import { expect } from 'chai'
import { rootNamespace } from '../../../src/contract/identity.ts'
import type { Principal, PrincipalGroup, Principals, TokenRecord } from '../../../src/contract/identity.ts'
import { Acls } from '../../../src/core/policies/acl-cache.ts'
import { Policies } from '../../../src/core/policies/policies.ts'
import type { AclOperation } from '../../../src/policy/verdict.ts'
import { openBarrier } from '../../support/barrier.ts'
import { HandClock } from '../../support/clock.ts'

const entity = { id: 'e', name: 'Anna', metadata: { team: 'red' }, aliases: [], policies: [], disabled: false }
const group = (name: string, policies: readonly string[], namespace = rootNamespace): PrincipalGroup => ({
  id: `g-${name}`,
  name,
  metadata: {},
  policies,
  namespace,
})
const token = (policies: readonly string[], entityId = 'e') =>
  ({ id: 't', namespace: rootNamespace, policies, entityId }) as unknown as TokenRecord

describe('the policies of a principal', () => {
  let current: Principal | undefined
  let asked: number
  let acls: Acls
  let policies: Policies

  beforeEach(async () => {
    const clock = new HandClock()
    const { barrier } = await openBarrier(undefined, clock)
    policies = new Policies(barrier.view('core/policy/acl/'), clock)
    for (const name of ['own', 'entity', 'crew', 'above'])
      await policies.write(name, { policy: `path "${name}" { capabilities = ["read"] }` })
    await policies.write('tpl', { policy: 'path "team/{{identity.entity.metadata.team}}" { capabilities = ["read"] }' })
    current = { entity, groups: [] }
    asked = 0
    const principals: Principals = {
      principal: (id) => {
        asked++
        return id === 'e' ? current : undefined
      },
    }
    acls = new Acls((id) => (id === rootNamespace ? policies : undefined), () => principals, clock) // prettier-ignore
  })
  const reads = async (of: TokenRecord, ...paths: readonly string[]): Promise<boolean[]> => {
    const acl = await acls.of(of)
    return paths.map((path) => acl.decide({ path, operation: 'read' satisfies AclOperation, data: {} }).allowed)
  }

  it('are those of the token, its entity and its groups, at the time of the request', async () => {
    const anna = token(['own'])
    const paths = ['own', 'entity', 'crew', 'above']
    expect(await reads(anna, ...paths)).to.deep.equal([true, false, false, false])
    current = { entity: { ...entity, policies: ['entity'] }, groups: [] }
    expect(await reads(anna, ...paths)).to.deep.equal([true, true, false, false])
    current = { entity, groups: [group('crew', ['crew', 'own']), group('above', ['ABOVE'])] }
    expect(await reads(anna, ...paths)).to.deep.equal([true, false, true, true])
    current = { entity, groups: [] }
    expect(await reads(anna, ...paths)).to.deep.equal([true, false, false, false])
  })

  it('follow the values of their templates', async () => {
    const anna = token(['tpl'])
    expect(await reads(anna, 'team/red', 'team/blue')).to.deep.equal([true, false])
    current = { entity: { ...entity, metadata: { team: 'blue' } }, groups: [] }
    expect(await reads(anna, 'team/red', 'team/blue')).to.deep.equal([false, true])
    await policies.patch('tpl', { policy: 'path "t/{{identity.entity.metadata.team}}" { capabilities = ["read"] }' })
    expect(await reads(anna, 'team/blue', 't/blue')).to.deep.equal([false, true])
    current = { entity: { ...entity, metadata: { team: 'a/b' } }, groups: [] }
    expect(await reads(anna, 't/a/b')).to.deep.equal([false])
    await policies.patch('tpl', { allowSlashes: true })
    expect(await reads(anna, 't/a/b')).to.deep.equal([true])
  })

  it('never make anybody root, however the name is written', async () => {
    for (const name of ['root', 'Root', 'ROOT']) {
      current = { entity: { ...entity, policies: [name] }, groups: [group('crew', [name])] }
      const anna = token(['own'])
      expect((await acls.of(anna)).root, name).to.equal(false)
      expect(await reads(anna, 'sys/seal')).to.deep.equal([false])
      expect((await acls.subject(anna)).policies.map((one) => one.name)).to.deep.equal(['own'])
    }
  })

  it('are none when the entity is disabled or gone, not even those of the token', async () => {
    const [anna, root] = [token(['own', 'tpl']), token(['root'])]
    expect(await reads(anna, 'own', 'team/red')).to.deep.equal([true, true])
    current = { entity: { ...entity, disabled: true }, groups: [] }
    expect(await reads(anna, 'own', 'team/red')).to.deep.equal([false, false])
    expect(await reads(root, 'own')).to.deep.equal([false])
    expect((await acls.subject(anna)).policies).to.deep.equal([])
    current = undefined
    expect(await reads(anna, 'own')).to.deep.equal([false])
    expect(await reads(token(['own'], 'other'), 'own')).to.deep.equal([false])
  })

  it('are not those of a group in another namespace', async () => {
    current = { entity, groups: [group('crew', ['crew'], 'abcdef'), group('above', ['above'])] }
    expect(await reads(token(['own']), 'crew', 'above')).to.deep.equal([false, true])
  })

  it('are compiled once while nothing changes, and tokens without an entity ask for none', async () => {
    const [anna, plain] = [token(['own']), token(['own', 'tpl'], '')]
    const first = await acls.of(anna)
    expect(acls.of(anna)).to.equal(first)
    current = { entity, groups: [] }
    expect(await acls.of(anna)).to.not.equal(first)
    asked = 0
    expect(await reads(plain, 'own', 'team/red', 'team/')).to.deep.equal([true, false, false])
    expect(acls.of(plain)).to.equal(await acls.of(plain))
    expect(asked).to.equal(0)
  })
})
