import { expect } from 'chai'
import * as fc from 'fast-check'
import { Fault } from '../../../src/contract/fault.ts'
import { readForm } from '../../../src/protocols/vault/form.ts'

/** The slow twin: the platform's own decoder. Undefined when it refuses. */
function twin(encoded: string): Record<string, string> | undefined {
  const values = Object.create(null) as Record<string, string>
  try {
    for (const pair of encoded.split('&').filter((one) => one !== '')) {
      const [, name = '', value = ''] = /^([^=]*)=?(.*)$/s.exec(pair) ?? []
      const [key, text] = [name, value].map((one) => decodeURIComponent(one.replaceAll('+', ' '))) as [string, string]
      values[key] = key in values ? `${values[key]},${text}` : text
    }
    return values
  } catch {
    return undefined
  }
}

function ours(encoded: string): Record<string, string> | undefined {
  try {
    return readForm(encoded)
  } catch (thrown) {
    expect(thrown).to.be.instanceOf(Fault)
    return undefined
  }
}

describe('forms', () => {
  const part = fc.constantFrom('a', 'b', '=', '&', '+', '%', '%2', '%41', '%e2%82%ac', '%E2', '%82', '%f0%9f%94%91', '%ed%a0%80', '%c0%ae', '%00', '%2B', '%26', '%3d', '%g1', 'é', '🔑', ' ', '\0') // prettier-ignore

  it('are read as the platform reads them, whatever is encoded in them', () => {
    fc.assert(
      fc.property(fc.array(part, { maxLength: 12 }), (parts) => {
        const encoded = parts.join('')
        expect(ours(encoded), JSON.stringify(encoded)).to.deep.equal(twin(encoded))
      }),
      { numRuns: 20_000 },
    )
  })

  it('are read alike where they are longer than one slice', () => {
    const size = 256 * 1024
    for (const [text, repeated] of [['+', size * 3 + 1], ['%e2%82%ac', 100_000], ['x+', size], ['a%2B', 200_001]] as const) // prettier-ignore
      for (const before of ['', 'y', 'yy']) {
        const encoded = `k=${before}${text.repeat(repeated)}`
        expect(ours(encoded)?.['k'] === twin(encoded)?.['k'], text).to.equal(true)
      }
    for (const end of ['%', '%2', '%zz', '%e2%82']) expect(ours(`k=${'+'.repeat(size * 2)}${end}`), end).to.equal(undefined)
  }) // prettier-ignore
})
