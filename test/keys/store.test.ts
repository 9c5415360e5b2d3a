import { expect } from 'chai'
import { randomBytes } from '../../src/crypto/fast/random.ts'
import type { KeyRecord } from '../../src/keys/record.ts'
import { KeyStore } from '../../src/keys/store.ts'
import { silent } from '../../src/util/log.ts'
import { openBarrier } from '../support/barrier.ts'
import { HandClock } from '../support/clock.ts'
import { faultOf } from '../support/seal-manager.ts'
import { keySpec } from '../support/requests/key-spec.ts'

async function opened() {
  const { barrier } = await openBarrier()
  const view = barrier.view('mount/x/')
  const open = () => new KeyStore({ view, clock: new HandClock(), log: silent }, randomBytes)
  const keys = open()
  const add = async (name: string): Promise<KeyRecord> =>
    (await keys.add(await keys.draft({ ...keySpec, type: 'xchacha20-poly1305', name }))).record
  const entries = async () => [...(await view.list('uuid/')), ...(await view.list('alias/'))]
  return { view, keys, open, add, entries }
}
const nameOf = async (found: ReturnType<KeyStore['byUuid']>) => (await found)?.record.name

describe('a key store', () => {
  it('finds a key by uuid and by each of its aliases, and no other', async () => {
    const { keys, open, add } = await opened()
    const [a, b] = [await add('a'), await add('b')]
    for (const alias of ['team/one', 'x', 'a//b', '..']) await keys.setAlias(alias, a.uuid)
    await keys.setAlias('y', b.uuid)
    for (const store of [keys, open()]) {
      expect(await nameOf(store.byUuid(a.uuid))).to.equal('a')
      for (const alias of ['team/one', 'x', 'a//b', '..'])
        expect(await nameOf(store.byAlias(alias)), alias).to.equal('a')
      expect(await nameOf(store.byAlias('y'))).to.equal('b')
      for (const unknown of ['', 'a', 'team', 'X', 'team%2Fone', 'é', 'x'.repeat(300)])
        expect(await store.byAlias(unknown), unknown).to.equal(undefined)
      for (const unknown of ['', 'a', '../key/a', `${a.uuid} `, a.uuid.toUpperCase()])
        expect(await store.byUuid(unknown), unknown).to.equal(undefined)
    }
  })

  it('gives an alias to one key at a time, and moves it in one commit', async () => {
    const { keys, add } = await opened()
    const [a, b] = [await add('a'), await add('b')]
    await keys.setAlias('x', a.uuid)
    await keys.setAlias('x', a.uuid)
    expect((await keys.need('a')).record.aliases).to.deep.equal(['x'])
    expect(await faultOf(keys.setAlias('x', b.uuid))).to.have.property('code', 'invalid_request')
    expect(await nameOf(keys.byAlias('x'))).to.equal('a')
    await keys.setAlias('x', b.uuid, true)
    expect(await nameOf(keys.byAlias('x'))).to.equal('b')
    expect([(await keys.need('a')).record.aliases, (await keys.need('b')).record.aliases]).to.deep.equal([[], ['x']])
    await keys.removeAlias('x', a.uuid)
    expect(await nameOf(keys.byAlias('x')), 'an alias of another key').to.equal('b')
    await keys.removeAlias('x', b.uuid)
    expect(await keys.byAlias('x')).to.equal(undefined)
  })

  it('gives an alias that several want at once to one of them', async () => {
    const { open, add } = await opened()
    const made = await Promise.all(['a', 'b', 'c', 'd'].map(add))
    const done = await Promise.allSettled(made.map(async ({ uuid }) => open().setAlias('x', uuid)))
    expect(done.filter(({ status }) => status === 'fulfilled')).to.have.lengthOf(1)
    const owners = await Promise.all(made.map(async ({ name }) => (await open().need(name)).record.aliases))
    expect(owners.flat()).to.deep.equal(['x'])
  })

  it('refuses invalid aliases, more than 50 of them, and unknown keys', async () => {
    const { keys, add } = await opened()
    const { uuid } = await add('a')
    for (const wrong of ['', 'é', 'a b', 'a%', 'x'.repeat(257), 'a\n'])
      expect(await faultOf(keys.setAlias(wrong, uuid)), wrong).to.have.property('code', 'invalid_request')
    for (let count = 0; count < 50; count++) await keys.setAlias(`a${count}`, uuid)
    expect(await faultOf(keys.setAlias('more', uuid))).to.have.property('code', 'invalid_request')
    expect(await keys.byAlias('more')).to.equal(undefined)
    expect(await faultOf(keys.setAlias('x', 'unknown'))).to.have.property('code', 'invalid_request')
    expect(await faultOf(keys.removeAlias('x', 'unknown'))).to.have.property('code', 'invalid_request')
  })

  it('removes uuid and aliases of a key with it, also when another one takes its place', async () => {
    const { keys, add, entries } = await opened()
    const { uuid } = await add('a')
    await keys.setAlias('x', uuid)
    expect(await entries()).to.deep.equal([uuid, 'x'])
    await keys.change('a', '', () => undefined)
    expect(await entries()).to.deep.equal([])
    const again = await add('a')
    await keys.setAlias('x', again.uuid)
    const other = await keys.draft({ ...keySpec, name: 'a' })
    await keys.replace(other, true)
    expect(await entries()).to.deep.equal([other.uuid])
    expect([await keys.byUuid(again.uuid), await keys.byAlias('x')]).to.deep.equal([undefined, undefined])
  })

  it('keeps aliases through every other change of a key', async () => {
    const { keys, add } = await opened()
    const { uuid } = await add('a')
    await keys.setAlias('x', uuid)
    await keys.rotate('a')
    await keys.change('a', '', (key) => ({ ...key, deletable: true }))
    expect((await keys.byAlias('x'))?.record.latest).to.equal(2)
    await keys.change('a', '', (key) => ({ ...key, aliases: ['y'] }))
    expect([await keys.byAlias('x'), await nameOf(keys.byAlias('y'))]).to.deep.equal([undefined, 'a'])
  })

  it('finds keys of a release that had no index, however many there are, damaged ones among them', async () => {
    const { view, keys, open } = await opened()
    const draft = await keys.draft({ ...keySpec, name: 'k' })
    const names = Array.from({ length: 250 }, (_, number) => `k${String(number).padStart(3, '0')}`)
    for (const name of names) await view.put(`key/${name}`, { ...draft, name, uuid: `uuid-${name}` })
    for (const [name, record] of [
      ['null', null],
      ['text', 'x'],
      ['none', {}],
    ] as const)
      await view.put(`key/${name}`, record)
    await view.put('key/damaged', { ...draft, name: 'damaged', uuid: 'uuid-damaged', latest: 7 })
    const found = await Promise.all(names.map(async (name) => nameOf(open().byUuid(`uuid-${name}`))))
    expect(found).to.deep.equal(names)
    expect(await faultOf(keys.byUuid('uuid-damaged'))).to.have.property('code', 'internal')
    await keys.setAlias('old', 'uuid-k007')
    expect(await nameOf(open().byAlias('old'))).to.equal('k007')
  })

  it('indexes the keys of such a release within a minute, once', async () => {
    const { view, keys, entries } = await opened()
    const draft = await keys.draft({ ...keySpec, name: 'k' })
    await view.put('key/k', draft)
    await keys.tidy()
    expect(await entries()).to.deep.equal([draft.uuid])
    expect(await view.get('config/indexed')).to.deep.equal({ format: 1 })
  })

  it('does not follow records that an older release left behind when it removed a key', async () => {
    const { view, keys, add } = await opened()
    const [a, b] = [await add('a'), await add('b')]
    await keys.setAlias('x', a.uuid)
    await view.del('key/a')
    expect([await keys.byUuid(a.uuid), await keys.byAlias('x')]).to.deep.equal([undefined, undefined])
    const other = await add('a')
    expect([await keys.byUuid(a.uuid), await keys.byAlias('x')]).to.deep.equal([undefined, undefined])
    await keys.setAlias('x', b.uuid)
    expect(await nameOf(keys.byAlias('x'))).to.equal('b')
    expect(await nameOf(keys.byUuid(other.uuid))).to.equal('a')
  })
})
