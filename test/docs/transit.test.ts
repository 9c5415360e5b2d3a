import { readFileSync } from 'node:fs'
import { expect } from 'chai'
import { keyType, keyTypes } from '../../src/crypto/keys/key-types.ts'
import type { KeyTypeName } from '../../src/crypto/keys/key-types.ts'
import { devServer } from '../support/server.ts'
import { examplesOf } from './runner/examples.ts'
import { Reader } from './runner/reader.ts'

const page = 'docs/transit.md'

describe('docs/transit.md', function () {
  this.timeout(300_000)

  it('has examples with the documented output', async () => {
    const server = await devServer()
    const reader = new Reader({ VAULT_ADDR: server.running.address, VAULT_TOKEN: 'root' })
    try {
      const examples = examplesOf(page, 'dev')
      expect(examples).to.have.length.greaterThan(9)
      await reader.converses(examples)
    } finally {
      await server.running.stop()
    }
  })

  it('lists every type of key, with its uses and derivation', () => {
    const rows = [...readFileSync(page, 'utf8').matchAll(/^\| (`[^|]+) \| ([a-z, ]+) \| (no|yes[a-z, ]*) \|/gm)]
    const listed = rows.flatMap(([, names = '', uses, derived]) =>
      [...names.matchAll(/`([^`]+)`/g)].map(([, name]) => `${name} ${uses} ${derived}`),
    )
    const derivation = ({ derivable, convergent }: ReturnType<typeof keyType>) =>
      derivable ? (convergent ? 'yes, convergent too' : 'yes') : 'no'
    const wanted = (Object.keys(keyTypes) as KeyTypeName[]).map(
      (name) => `${name} ${keyType(name).uses.join(', ')} ${derivation(keyType(name))}`,
    )
    expect(listed.toSorted()).to.deep.equal(wanted.toSorted())
  })
})
