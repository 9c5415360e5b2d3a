import { readFileSync, readdirSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import { expect } from 'chai'

const src = resolve('src')
const common = ['contract', 'util']
const layers: Readonly<Record<string, readonly string[]>> = {
  util: [],
  contract: ['util'],
  crypto: common,
  storage: common,
  barrier: ['crypto', ...common],
  seal: ['crypto', ...common],
  audit: ['crypto', ...common],
  tokens: ['crypto', ...common],
  policy: common,
  engines: ['crypto', ...common],
  auth: ['crypto', ...common],
  core: ['audit', 'barrier', 'crypto', 'policy', 'tokens', ...common],
  system: ['crypto', ...common],
  protocols: common,
  cli: ['policy', 'audit', ...common],
}
/** These hold the parts together and may import everything; nothing below imports them. */
const top = ['server.ts', 'ports.ts', 'registry.ts', 'config.ts', 'main.ts', 'first-message.ts']

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
  for (const { file, name, text } of sources) {
    const from = name.split('/')[0] as string
    if (top.includes(name)) continue
    it(`${name} imports only what its layer may`, () => {
      for (const imported of importsOf(file, text)) {
        const to = imported.split('/')[0] as string
        const own =
          to === from && (!['engines', 'auth'].includes(from) || imported.split('/')[1] === name.split('/')[1])
        expect(own || (layers[from] ?? []).includes(to), `${name} imports ${imported}`).to.equal(true)
      }
    })
  }

  it('only a few files take secrets out of their wrapping', () => {
    const revealing = sources
      .filter(({ text }) => text.includes('.reveal()'))
      .map(({ name }) => name)
      .sort()
    expect(revealing).to.deep.equal([
      'audit/entry.ts',
      'auth/token/lookup.ts',
      'auth/token/renew.ts',
      'tokens/store.ts',
    ])
  })

  it('time and chance come in through constructors', () => {
    const asking = sources.filter(({ text }) => /Date\.now\(\)|Math\.random\(\)/.test(text)).map(({ name }) => name)
    expect(asking).to.deep.equal(['util/clock.ts'])
  })

  it('no default exports, no any', () => {
    for (const { name, text } of sources) expect(/export default|\bas any\b|: any\b/.test(text), name).to.equal(false)
  })
})
