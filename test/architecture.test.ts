import { existsSync, readFileSync, readdirSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import { expect } from 'chai'

const src = resolve('src')
/** The table of docs/architecture.md: what each folder may import, and the files that hold the parts together. */
const rows = [...readFileSync('docs/architecture.md', 'utf8').matchAll(/^\| (`.+`) \| .+ \| (.+) \|$/gm)].map(
  ([, names = '', allowed = '']) => ({
    names: [...names.matchAll(/`([^`]+)`/g)].map(([, name]) => name as string),
    allowed: allowed === '–' ? [] : allowed.split(', '),
  }),
)
const layers = new Map(rows.flatMap(({ names, allowed }) => names.map((name) => [name, allowed] as const)))
/** These may import everything; nothing below imports them. */
const top = [...layers].filter(([, allowed]) => allowed[0] === 'everything').map(([name]) => name)

/** Their folders are tenants: none imports another one. */
const separate = ['engines', 'auth', 'protocols']

function files(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) =>
    entry.isDirectory() ? files(join(folder, entry.name)) : [join(folder, entry.name)],
  )
}

const sources = files(src).map((file) => ({ file, name: relative(src, file), text: readFileSync(file, 'utf8') }))
const importsOf = (file: string, text: string): string[] =>
  [...text.matchAll(/(?:from|import\()\s*'(\.[^']+)'/g)].map((found) =>
    relative(src, resolve(dirname(file), found[1] as string)),
  )

describe('architecture', () => {
  it('docs/architecture.md lists exactly the folders and files of src', () => {
    expect([...layers.keys()].sort()).to.deep.equal(readdirSync(src).sort())
  })

  it('no folder of src has more than 18 files', () => {
    const sizes = new Map<string, number>()
    for (const { name } of sources) sizes.set(dirname(name), (sizes.get(dirname(name)) ?? 0) + 1)
    expect([...sizes].filter(([, size]) => size > 18)).to.deep.equal([])
  })

  it('the page names every engine, login method and protocol', () => {
    const page = readFileSync('docs/architecture.md', 'utf8')
    for (const folder of separate)
      for (const name of readdirSync(join(src, folder)))
        expect(page).to.match(new RegExp(`^\\| \`${folder}\` \\| .*\`${name}\``, 'm'))
  })

  it('every file imports only from permitted layers', () => {
    const wrong = sources.flatMap(({ file, name, text }) => {
      const from = name.split('/')[0] as string
      if (top.includes(from)) return []
      const isOwn = (to: string): boolean =>
        to.split('/')[0] === from && (!separate.includes(from) || to.split('/')[1] === name.split('/')[1])
      const isBelow = (to: string): boolean => layers.get(from)?.includes(to.split('/')[0] as string) === true
      return importsOf(file, text)
        .filter((to) => !isOwn(to) && !isBelow(to))
        .map((to) => `${name} imports ${to}`)
    })
    expect(sources.flatMap(({ file, text }) => importsOf(file, text))).to.have.length.greaterThan(1000)
    expect(wrong).to.deep.equal([])
  })

  it('only a few files reveal secrets', () => {
    const revealing = sources
      .filter(({ text }) => text.includes('.reveal()'))
      .map(({ name }) => name)
      .sort()
    expect(revealing).to.deep.equal([
      'audit/lines/entry.ts',
      'auth/token/lookup.ts',
      'auth/token/renew.ts',
      'core/authentication/bearer-tokens.ts',
      'core/authentication/inline-login.ts',
      'pkcs11/token.ts',
      'profile/evaluate.ts',
      'seal/auto/pkcs11.ts',
      'seal/auto/static.ts',
      'seal/auto/transit.ts',
      'server/first-boot/requests.ts',
      'tokens/store.ts',
      'util/http/sigv4.ts',
    ])
  })

  it('only util/clock.ts reads the clock, and nothing calls Math.random', () => {
    const asking = sources.filter(({ text }) => /Date\.now\(\)|Math\.random\(\)/.test(text)).map(({ name }) => name)
    expect(asking).to.deep.equal(['util/clock.ts'])
  })

  it('no default exports, no any', () => {
    for (const { name, text } of sources) expect(/export default|\bas any\b|: any\b/.test(text), name).to.equal(false)
  })
})

describe('the tests as a map', () => {
  /** What belongs to no folder of src: suites over the whole server, and what they share. */
  const suites = ['clients', 'contracts', 'docs', 'parity', 'reference', 'scenarios', 'support', 'wycheproof']
  /** Engines and protocols that only tests have. */
  const others = ['auth/passphrase', 'keys/view', 'protocols/echo']

  const folders = readdirSync('test', { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isDirectory())
    .map((entry) => relative('test', join(entry.parentPath, entry.name)))

  it('every folder of tests has its counterpart in src, and every test stands in a folder', () => {
    const missing = folders.filter((folder) => !suites.includes(folder.split('/')[0] as string) && !existsSync(join('src', folder))) // prettier-ignore
    expect(missing.toSorted()).to.deep.equal(others)
    const rules = ['architecture', 'every-name', 'home', 'known-flaws'].map((name) => `${name}.test.ts`)
    expect(readdirSync('test').filter((file) => file.endsWith('.test.ts')).toSorted()).to.deep.equal(rules) // prettier-ignore
  })

  it('no folder of tests has more than fifteen files', () => {
    const sizes = ['', ...folders].map((folder) => {
      const entries = readdirSync(join('test', folder), { withFileTypes: true })
      return { folder, size: entries.filter((entry) => entry.isFile()).length }
    })
    expect(sizes.filter(({ size }) => size > 15)).to.deep.equal([])
  })

  it('.mocharc.node.json names existing tests', () => {
    const { spec } = JSON.parse(readFileSync('.mocharc.node.json', 'utf8')) as { readonly spec: readonly string[] }
    const named = spec
      .filter((file) => !file.includes('*'))
      .map((file) => file.replace('build/', '').replace('.js', '.ts'))
    expect(named.filter((file) => !existsSync(file))).to.deep.equal([])
  })
})
