import { existsSync, readFileSync, readdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { expect } from 'chai'
import { stanzas } from '../../src/config/descriptions.ts'
import { readConfig } from '../../src/config/load.ts'
import { sealTypes } from '../../src/config/seal.ts'
import { temporaryFolder } from '../support/folder.ts'
import { settingsPage } from '../config/settings-page.ts'

const docs = [
  'architecture',
  'audit',
  'audit-devices',
  'auditors',
  'backups',
  'clients',
  'dependencies',
  'disaster',
  'first-boot',
  'formats',
  'import',
  'install',
  'key-lifecycle',
  'lifecycle',
  'login',
  'namespaces',
  'operations',
  'performance',
  'policies',
  'seals',
  'secrets',
  'settings',
  'snapshots',
  'threat-model',
  'transit',
].map((name) => `docs/${name}.md`)
const pages = ['README.md', 'CONTRIBUTING.md', 'CHANGELOG.md', ...docs]
const read = (page: string): string => readFileSync(page, 'utf8')

describe('the pages', () => {
  it('give every dependency one line, and no other', () => {
    const listed = [...read('docs/dependencies.md').matchAll(/^\| `([^`]+)` \| .+ \|$/gm)].map(
      ([, name]) => name as string,
    )
    const { dependencies, devDependencies } = JSON.parse(read('package.json')) as Record<string, Record<string, string>>
    const wanted = [...Object.keys(dependencies as object), ...Object.keys(devDependencies as object)]
    expect(listed.toSorted()).to.deep.equal(wanted.toSorted())
  })

  it('lead only to pages that are there', () => {
    for (const page of pages)
      for (const [, link = ''] of read(page).matchAll(/\]\(([^)#:]+)\)/g))
        expect(existsSync(join(dirname(page), link)), `${page}: ${link}`).to.equal(true)
  })

  it('lead only to sections that are there', () => {
    const sections = (page: string): readonly string[] =>
      [...read(page).matchAll(/^#+ (.+)$/gm)].map(([, title = '']) => title.toLowerCase().replaceAll(/[^\p{L}\p{N} _-]/gu, '').replaceAll(' ', '-')) // prettier-ignore
    const links = pages.flatMap((page) =>
      [...read(page).matchAll(/\]\(([^)#:]*)#([^)]+)\)/g)].map(([, file = '', section = '']) => ({
        to: file === '' ? page : join(dirname(page), file),
        section,
      })),
    )
    expect(links).to.have.length.greaterThan(3)
    expect(links.filter(({ to, section }) => !sections(to).includes(section))).to.deep.equal([])
  })

  it('name only parts of the code that are there, in docs/architecture.md', () => {
    const folders = ['src', 'test', 'bench'].flatMap((folder) =>
      readdirSync(folder, { recursive: true, encoding: 'utf8' }).map((file) => join(folder, file)),
    )
    const code = folders.filter((file) => file.endsWith('.ts')).map(read).join('\n') + folders.join('\n') + read('Makefile') + read('package.json') // prettier-ignore
    const named = [...read('docs/architecture.md').matchAll(/`([^`\n]+)`/g)].flatMap(([, text = '']) => text.match(/[A-Za-z_]\w{2,}/g) ?? []) // prettier-ignore
    expect(named).to.have.length.greaterThan(300)
    expect([...new Set(named)].filter((word) => !new RegExp(`(?<!\\w)${word}(?!\\w)`).test(code))).to.deep.equal([])
  })

  it('name only source files that are there', () => {
    for (const page of pages)
      for (const [, named = ''] of read(page).matchAll(/`((?:[a-z0-9-]+\/)+[a-z0-9.-]+\.ts)`/g))
        expect([named, `src/${named}`].some(existsSync), `${page}: ${named}`).to.equal(true)
  })

  it('describe every setting, and no other', async () => {
    const known = async (probe: string): Promise<readonly string[]> => {
      const file = join(temporaryFolder(), 'probe.hcl')
      writeFileSync(file, probe)
      const { faults } = await readConfig([file])
      return faults.find(({ setting }) => setting === 'zzz')?.known ?? []
    }
    const probeOf = (name: string): string =>
      name === '' ? 'zzz = 1' : name === 'telemetry of a listener' ? 'listener "tcp" { telemetry { zzz = 1 } }' : `${name} { zzz = 1 }` // prettier-ignore
    for (const { name, settings } of stanzas)
      expect(settings.map((one) => one.name).toSorted(), name).to.deep.equal((await known(probeOf(name))).toSorted())
    // Every block has a stanza, and every type of those with types.
    const blocks = stanzas[0]?.settings.filter(({ type, name }) => type === 'block' && name !== 'backend') ?? []
    const types = { listener: ['tcp', 'unix'], seal: sealTypes, storage: ['level', 'inmem'] } as const
    for (const { name } of blocks)
      for (const type of types[name as keyof typeof types] ?? [''])
        expect(stanzas.filter((one) => !one.name.includes(' of ') && `${one.name} `.startsWith(type === '' ? `${name} ` : `${name} "${type}" `)), name).to.have.length(1) // prettier-ignore
  })

  it('have docs/settings.md as `make docs` writes it', () => {
    expect(read('docs/settings.md')).to.equal(settingsPage())
  })

  it('name the records that key-value secrets are kept in', () => {
    const places = [...read('src/engines/kv/v2/record-names.ts').matchAll(/= '([a-z]+\/?)'|`([a-z]+\/)/g)]
    const names = places.map(([, one, other]) => one ?? other)
    expect(names).to.have.length.greaterThan(2)
    for (const name of [...names, 'secret/', 'upgraded']) expect(read('docs/formats.md')).to.include(`\`${name}`)
  })
})
