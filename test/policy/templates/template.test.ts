import { expect } from 'chai'
import * as fc from 'fast-check'
import type { Principal } from '../../../src/contract/identity.ts'
import { compileAcl } from '../../../src/policy/acl.ts'
import { parsePolicy } from '../../../src/policy/document.ts'
import { explain } from '../../../src/policy/explain/explain.ts'
import { TemplateResolver } from '../../../src/policy/templates/template.ts'
import type { TemplateOptions } from '../../../src/policy/templates/template.ts'

const now = { now: () => Date.UTC(2030, 0, 1) }
const lax: TemplateOptions = { wildcards: true, slashes: true }
const anna: Principal = {
  entity: {
    id: 'e-1',
    name: 'Anna',
    metadata: { team: 'red', empty: '', 'cost.centre': '7' },
    policies: [],
    disabled: false,
    aliases: [
      {
        id: 'a-1',
        name: 'ann',
        mountAccessor: 'auth_userpass_1',
        metadata: { shift: 'night' },
        customMetadata: { app: 'web' },
      },
      { id: 'a-2', name: 'one', mountAccessor: 'auth_jwt_2', metadata: {}, customMetadata: {} },
      { id: 'a-3', name: 'two', mountAccessor: 'auth_jwt_2', metadata: {}, customMetadata: {} },
    ],
  },
  groups: [{ id: 'g-1', name: 'crew', metadata: { floor: '3' }, policies: [], namespace: 'root' }],
}
const withTeam = (team: string): Principal => ({ ...anna, entity: { ...anna.entity, metadata: { team } } })
const acl = (text: string, principal?: Principal, templates?: TemplateOptions) =>
  compileAcl([{ name: 'p', document: parsePolicy(text), ...(templates && { templates }) }], now, principal)
const reads = (rules: ReturnType<typeof acl>, path: string): boolean =>
  rules.decide({ operation: 'read', path, data: {} }).allowed
const reading = (path: string): string => `path "${path}" { capabilities = ["read"] }`
const rendered = (template: string, principal: Principal | undefined = anna): string | undefined => {
  const found = new TemplateResolver(principal).render(template)
  return 'path' in found ? found.path : undefined
}

describe('templates of policies', () => {
  for (const [name, value] of [
    ['entity.id', 'e-1'],
    ['entity.name', 'Anna'],
    ['entity.metadata.team', 'red'],
    ['entity.metadata.cost.centre', '7'],
    ['entity.aliases.auth_userpass_1.id', 'a-1'],
    ['entity.aliases.auth_userpass_1.name', 'ann'],
    ['entity.aliases.auth_userpass_1.metadata.shift', 'night'],
    ['entity.aliases.auth_userpass_1.custom_metadata.app', 'web'],
    ['groups.ids.g-1.name', 'crew'],
    ['groups.ids.g-1.id', 'g-1'],
    ['groups.ids.g-1.metadata.floor', '3'],
    ['groups.names.crew.id', 'g-1'],
    ['groups.names.crew.name', 'crew'],
    ['groups.names.crew.metadata.floor', '3'],
  ] as const)
    it(`identity.${name} is "${value}"`, () => {
      expect(rendered(`kv/{{identity.${name}}}/x`)).to.equal(`kv/${value}/x`)
      expect(rendered(`kv/{{ identity.${name}\t}}`)).to.equal(`kv/${value}`)
      expect(reads(acl(reading(`kv/{{identity.${name}}}/x`), anna), `kv/${value}/x`)).to.equal(true)
    })

  it('a template that names nothing of the principal makes its rule grant nothing', () => {
    for (const name of [
      'entity',
      'entity.',
      'entity.colour',
      'entity.Name',
      'entity.id.x',
      'entity.metadata',
      'entity.metadata.none',
      'entity.metadata.team.x',
      'entity.metadata.__proto__',
      'entity.metadata.constructor',
      'entity.metadata.empty',
      'entity.aliases.auth_userpass_1',
      'entity.aliases.auth_userpass_1.team',
      'entity.aliases.nosuch.name',
      'entity.aliases.auth_userpass_1.custom_metadata',
      'entity.custom_metadata.app',
      'entity.policies',
      'groups',
      'groups.names',
      'groups.names.crew',
      'groups.names.strangers.id',
      'groups.ids.crew.id',
      'groups.names.g-1.id',
      'groups.name.crew.id',
      'groups.names.crew.custom_metadata.floor',
    ] as const)
      // prettier-ignore
      expect(rendered(`kv/{{identity.${name}}}`), name).to.equal(undefined)
    for (const odd of ['', ' ', 'foo', 'entity.name', 'Identity.entity.name', 'identity', 'identity.entity.id|x'])
      expect(rendered(`kv/{{${odd}}}`), odd).to.equal(undefined)
    const rules = acl(`${reading('kv/{{identity.entity.metadata.none}}/*')}\n${reading('kv/free')}`, anna)
    expect([reads(rules, 'kv/free'), reads(rules, 'kv//x'), reads(rules, 'kv/none/x')]).to.deep.equal([
      true,
      false,
      false,
    ])
  })

  it('without an entity no template has a path', () => {
    const text = reading('kv/{{identity.entity.name}}')
    expect(reads(acl(text), 'kv/Anna')).to.equal(false)
    expect(reads(acl(text, anna), 'kv/Anna')).to.equal(true)
  })

  it('CVE-2021-43998: of two aliases on one mount, a template takes neither for the other', () => {
    expect(rendered('kv/{{identity.entity.aliases.auth_jwt_2.name}}')).to.equal(undefined)
    const own = { ...anna, entity: { ...anna.entity, aliases: anna.entity.aliases.slice(0, 2) } }
    expect(rendered('kv/{{identity.entity.aliases.auth_jwt_2.name}}', own)).to.equal('kv/one')
  })

  it('two groups of one name are none', () => {
    const [group] = anna.groups
    const twice = { ...anna, groups: [group, { ...group, id: 'g-2' }] as Principal['groups'] }
    expect(rendered('kv/{{identity.groups.names.crew.id}}', twice)).to.equal(undefined)
    expect(rendered('kv/{{identity.groups.ids.g-2.id}}', twice)).to.equal('kv/g-2')
  })

  it('CVE-2026-5006: a value with a slash, a wildcard, dots, braces, quotes or newlines gives no path', () => {
    for (const value of ['*', '+', 'a*', 'a+b', 'a/b', '/', '..', '.', '{{identity.entity.id}}', '}}', 'a"b', 'a\nb', '', '\u2028'])
      for (const name of ['entity.metadata.k', 'entity.name', 'entity.aliases.m.name', 'groups.ids.g.name', 'entity.aliases.m.custom_metadata.k']) {
        const metadata = { k: value }
        const hostile: Principal = {
          entity: { ...anna.entity, name: value, metadata, aliases: [{ id: 'a', name: value, mountAccessor: 'm', metadata, customMetadata: metadata }] },
          groups: [{ id: 'g', name: value, metadata, policies: [], namespace: 'root' }],
        }
        const text = [`kv/{{identity.${name}}}`, `kv/{{identity.${name}}}*`, `kv/{{identity.${name}}}/x`].map(reading).join('\n')
        const rules = acl(text, hostile)
        for (const path of ['kv/x', 'kv/a', 'kv/a/b', `kv/${value}`, 'kv/*', 'kv/+', 'kv//x', 'kv/x/x', 'kv', 'kv/'])
          expect(reads(rules, path), `${name} ${value} ${path}`).to.equal(false)
      } // prettier-ignore
  })

  it('property: whatever a value holds, its rule allows the path with exactly that value and no other', () => {
    const letter = fc.constantFrom('a', 'b', '*', '+', '/', '.', '{', '}', '"', ' ', '\n')
    const value = fc.string({ unit: letter, maxLength: 5 })
    const shape = fc.constantFrom('kv/#', 'kv/#/x', 'kv/p#', 'kv/#/+', 'kv/+/#', 'kv/#*', 'kv/#/*', 'kv/+#', '#', '#*')
    const options = fc.option(
      fc.record({ wildcards: fc.boolean(), slashes: fc.boolean() }),
    ) // prettier-ignore
    fc.assert(
      fc.property(shape, value, fc.option(value), value, options, (template, own, others, tail, allowed) => {
        const other = others ?? own
        const rules = acl(reading(template.replace('#', '{{identity.entity.metadata.team}}')), withTeam(own), allowed ?? undefined)
        const asked = template.replace('#', () => other).replace(/(\/|^)\+(?=\/|$)/, '$1q').replace(/\*$/, tail)
        if (!reads(rules, asked)) return
        // The letters of the value stand in the path, at their place, before whatever a wildcard of the template takes.
        const stem = template.replace(/\*$/, '').replace(/(\/|^)\+(?=\/|$)/, '$1q').replace('#', () => own)
        expect(template.endsWith('*') ? asked.startsWith(stem) : asked === stem, `${stem} / ${asked}`).to.equal(true)
        expect(own).to.not.equal('')
        if (!allowed?.slashes) expect(own).to.not.include('/')
        if (!allowed?.wildcards) expect(own).to.not.match(/[*+]/)
      }),
      { numRuns: 20_000 },
    ) // prettier-ignore
  })

  it('a policy may let values have slashes, and wildcards as letters, which stand for nothing else', () => {
    const text = reading('kv/{{identity.entity.metadata.team}}')
    const may = (team: string, path: string, options: TemplateOptions = lax) => reads(acl(text, withTeam(team), options), path)
    expect(may('a/b', 'kv/a/b')).to.equal(true)
    expect(may('a/b', 'kv/a/b', { wildcards: true, slashes: false })).to.equal(false)
    for (const odd of ['/a', 'a/', 'a//b', 'a/../b', '..']) expect(may(odd, `kv/${odd}`), odd).to.equal(false)
    expect(may('a*b', 'kv/a*b')).to.equal(true)
    expect(may('a*b', 'kv/a*b', { wildcards: false, slashes: true })).to.equal(false)
    expect([may('a*b', 'kv/axb'), may('*', 'kv/x'), may('*', 'kv/*'), may('a*', 'kv/ab')]).to.deep.equal([false, false, false, false])
    expect([may('+', 'kv/x'), may('+', 'kv/+'), may('a/+/b', 'kv/a/x/b'), may('a+b', 'kv/a+b')]).to.deep.equal([false, false, false, true])
  }) // prettier-ignore

  it('a templated deny denies its path, and all that it may resolve to while it cannot be resolved', () => {
    const text = `${reading('kv/*')}\npath "kv/t/{{identity.entity.metadata.team}}" { capabilities = ["deny"] }`
    expect(reads(acl(text, anna), 'kv/t/red')).to.equal(false)
    expect(reads(acl(text, anna), 'kv/t/RED')).to.equal(false)
    expect(reads(acl(text, anna), 'kv/t/blue')).to.equal(true)
    for (const principal of [undefined, withTeam('*'), withTeam('a/b'), { ...anna, entity: { ...anna.entity, metadata: {} } }])
      expect([reads(acl(text, principal), 'kv/t/blue'), reads(acl(text, principal), 'kv/s')]).to.deep.equal([false, true])
  }) // prettier-ignore

  it('several templates in one path are all resolved, or none', () => {
    const both = 'kv/{{identity.entity.metadata.team}}/{{identity.entity.name}}*'
    expect(rendered(both)).to.equal('kv/red/Anna*')
    expect(reads(acl(reading(both), anna), 'kv/red/Anna-Lena')).to.equal(true)
    expect(rendered('kv/{{identity.entity.name}}/{{identity.entity.metadata.none}}')).to.equal(undefined)
  })

  it('braces in the values of parameters are letters', () => {
    const text =
      'path "kv" { capabilities = ["update"] allowed_parameters = { "owner" = ["{{identity.entity.name}}"] } }'
    const owner = (name: string) =>
      acl(text, anna).decide({ operation: 'update', path: 'kv', data: { owner: name } }).allowed
    expect([owner('Anna'), owner('{{identity.entity.name}}')]).to.deep.equal([false, true])
  })

  it('explains to which path a template resolves, and why others resolve to none', () => {
    const text = ['kv/{{identity.entity.name}}', 'kv/{{identity.entity.metadata.none}}', 'kv/{{identity.entity.metadata.star}}']
    const starred: Principal = { ...anna, entity: { ...anna.entity, metadata: { star: '*' } } }
    const policies = [{ name: 'p', document: parsePolicy(text.map(reading).join('\n')) }]
    const question = { path: 'kv/Anna', operation: 'read', data: {}, needsSudo: false } as const
    const tell = (visible: boolean) =>
      explain({ policies, acl: compileAcl(policies, now, starred) }, question, now.now(), { rules: () => visible, name: () => visible })
    const { allowed, considered, leftOut } = tell(true)
    expect(allowed).to.equal(true)
    expect(considered).to.deep.equal([
      { path: 'kv/Anna', templates: [text[0]], policies: ['p'], unnamed: 0, capabilities: ['read'] },
    ])
    expect(leftOut).to.deep.equal([
      { path: text[1], policy: 'p', why: 'template' },
      { path: text[2], policy: 'p', why: 'value' },
    ])
    expect(tell(false)).to.deep.include({ considered: [{ policies: [], unnamed: 1, capabilities: [] }], leftOut: [] })
  }) // prettier-ignore
})
