import { readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import { topLevel } from '../src/config/settings.ts'
import { textsOf } from './parity/corpus.ts'
import { devServer } from './support/server.ts'

/** Everything that tests are written in: our sources, and the recorded requests. */
const texts = readdirSync('test', { recursive: true, encoding: 'utf8' })
  .filter((file) => file.endsWith('.ts') && file !== 'every-name.test.ts')
  .map((file) => readFileSync(join('test', file), 'utf8'))
  .concat(Object.values(textsOf('cases')))
  .join('\n')

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
    await server.data('POST', 'sys/mounts/kv', { type: 'kv' })
    await server.data('POST', 'sys/auth/userpass', { type: 'userpass' })
    await server.data('POST', 'sys/auth/approle', { type: 'approle' })
    await server.data('POST', 'sys/auth/jwt', { type: 'jwt' })
    const { body } = await server.call('GET', '/v1/sys/internal/specs/openapi')
    await server.running.stop()
    const paths = Object.keys((body['data'] ?? body)['paths' as never] as object).map((path) => path.slice(1))
    expect(paths).to.have.length.greaterThan(150)
    expect(isNamed('sys/no-such-route/{name}')).to.equal(false)
    expect(paths.filter((path) => !isNamed(path))).to.deep.equal([])
  })

  it('name every setting', () => {
    // Whoever reads a setting says its name, for the messages: source.text(value, 'api_addr').
    const reading = readdirSync('src/config').map((file) => readFileSync(join('src/config', file), 'utf8')).join('\n') // prettier-ignore
    const read = [...reading.matchAll(/\bsource\.\w+\([\w.]+, '(\w+)'\)/g)].map(([, name]) => name as string)
    const settings = new Set([...Object.keys(topLevel), ...read])
    expect(settings.size).to.be.greaterThan(40)
    const unnamed = [...settings].filter((name) => !new RegExp(String.raw`(?<!\w)${name}(?!\w)`).test(texts))
    expect(unnamed).to.deep.equal([])
  })
})
