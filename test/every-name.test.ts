import { readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import { commandGroups } from '../src/cli/command-table.ts'
import { flagsOf } from '../src/cli/framework/command-flags.ts'
import { topLevel } from '../src/config/settings.ts'
import { textsOf } from './parity/corpus.ts'
import { devServer } from './support/server.ts'

const filesOf = (folder: string, form: RegExp): readonly string[] =>
  readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((file) => form.test(file) && file !== 'every-name.test.ts')
    .map((file) => readFileSync(join(folder, file), 'utf8'))

/** Everything that tests are written in: our sources, the conversations, and the recorded requests. */
const texts = [...filesOf('test', /\.(ts|md)$/), ...Object.values(textsOf('cases'))].join('\n')
/** Where command lines are tested: there, and in the examples of the pages. */
const lines = [texts, ...filesOf('docs', /\.md$/), readFileSync('README.md', 'utf8')].join('\n')

const literally = (text: string): string => text.replaceAll(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`)
/** What stands for a parameter in a test: a name, or an expression in a template. */
const parameter = String.raw`(?:\$\{[^}]*\}|[^/\s'"\`?])+`
/** Mounts have other paths in tests: what follows them counts. */
const mounted = /^(?:transit|secret|kv)\/(?=[^{])/

function isNamed(path: string): boolean {
  const segments = path.replace(mounted, '').split('/')
  const pattern = segments.map((segment) => (segment.startsWith('{') ? parameter : literally(segment))).join('/')
  return new RegExp(String.raw`(?<![\w-])${pattern}(?![\w-])`).test(texts)
}

describe('the tests', () => {
  it('name every route', async () => {
    const server = await devServer()
    await server.data('POST', 'sys/mounts/transit', { type: 'transit' })
    await server.data('POST', 'sys/mounts/totp', { type: 'totp' })
    await server.data('POST', 'sys/mounts/kv', { type: 'kv' })
    await server.data('POST', 'sys/auth/userpass', { type: 'userpass' })
    await server.data('POST', 'sys/auth/approle', { type: 'approle' })
    await server.data('POST', 'sys/auth/jwt', { type: 'jwt' })
    await server.data('POST', 'sys/auth/kubernetes', { type: 'kubernetes' })
    await server.data('POST', 'sys/auth/cert', { type: 'cert' })
    await server.data('POST', 'sys/auth/ldap', { type: 'ldap' })
    const { body } = await server.call('GET', '/v1/sys/internal/specs/openapi')
    await server.running.stop()
    const paths = Object.keys((body['data'] ?? body)['paths' as never] as object).map((path) => path.slice(1))
    expect(paths).to.have.length.greaterThan(150)
    expect(isNamed('sys/no-such-route/{name}')).to.equal(false)
    expect(paths.filter((path) => !isNamed(path))).to.deep.equal([])
  })

  it('name every setting', () => {
    // Each is a row of a table: `api_addr: (source, …) => …`.
    const rows = [
      ...filesOf('src/config', /\.ts$/)
        .join('\n')
        .matchAll(/^ {2,4}(\w+): \((?:source|inner)\b/gm),
    ]
    const settings = new Set([...Object.keys(topLevel), ...rows.map(([, name]) => name as string)])
    expect(settings.size).to.be.greaterThan(50)
    const unnamed = [...settings].filter((name) => !new RegExp(String.raw`(?<!\w)${name}(?!\w)`).test(texts))
    expect(unnamed).to.deep.equal([])
  })

  it('name every command and every flag of the command line', async () => {
    const commands = (await Promise.all(commandGroups.map(async ({ load }) => load()))).flat()
    const flags = new Set(commands.flatMap((command) => Object.keys(flagsOf(command))))
    expect(commands).to.have.length.greaterThan(130)
    expect(flags.size).to.be.greaterThan(120)
    const isTyped = ({ name }: { readonly name: string }): boolean =>
      new RegExp(String.raw`(?<![\w-])${name.split(' ').join(String.raw`(?: |', ?')`)}(?![\w-])`).test(lines)
    expect(commands.filter((command) => !isTyped(command)).map(({ name }) => name)).to.deep.equal([])
    const isGiven = (name: string): boolean => new RegExp(String.raw`(?<![\w-])--?${name}(?![\w-])`).test(lines)
    expect([...flags].filter((name) => !isGiven(name))).to.deep.equal([])
  })
})
