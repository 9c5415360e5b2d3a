import { readFileSync } from 'node:fs'
import { expect } from 'chai'
import { Fault } from '../../src/contract/fault.ts'
import { compileAcl } from '../../src/policy/acl.ts'
import type { AclOperation } from '../../src/policy/verdict.ts'
import { builtinPolicies } from '../../src/policy/builtin.ts'
import { parsePolicy } from '../../src/policy/document.ts'

/** What a real server answered: null stands for the text of the built-in policy of that name. */
interface Fact {
  readonly policies: Readonly<Record<string, string | null>>
  readonly capabilities?: Readonly<Record<string, readonly string[]>>
  readonly resultant?: unknown
  readonly operation?: AclOperation
  readonly path?: string
  readonly data?: Readonly<Record<string, unknown>>
  readonly wrapTtl?: number
  readonly allowed?: boolean
}

const { decisions, texts } = JSON.parse(readFileSync('test/policy/facts.json', 'utf8')) as {
  readonly decisions: readonly Fact[]
  readonly texts: readonly { readonly text: string; readonly accepted: boolean }[]
}

const aclOf = (policies: Fact['policies']) =>
  compileAcl(
    Object.entries(policies).map(([name, text]) => ({
      name,
      document: parsePolicy(text ?? builtinPolicies[name as 'default']),
    })),
    { now: () => 0 },
  )

/** Where we differ on purpose. */
const onPurpose: Readonly<Record<string, string>> = {
  '{"path":': 'JSON that was cut off is refused: an empty policy is not what was meant',
}

/** What restricts nothing is refused, where the recorded server takes it: whoever wrote it meant something else. */
const emptied = /parameters = \{\}|pagination_limit = (0|-1)\b|wrapping_ttl = 0\b/

describe('recorded answers', () => {
  it('capabilities of paths', () => {
    for (const { policies, capabilities = {} } of decisions)
      for (const [path, expected] of Object.entries(capabilities))
        expect(aclOf(policies).capabilities(path), `${path} under ${JSON.stringify(policies)}`).to.deep.equal(expected)
  })

  it('requests allowed and refused', () => {
    for (const fact of decisions) {
      const { policies, operation, path = '', data = {}, wrapTtl, allowed } = fact
      if (!operation) continue
      if (Object.values(policies).some((text) => text !== null && emptied.test(text))) {
        expect(() => aclOf(policies), JSON.stringify(policies)).to.throw(
          Fault,
          /bounds nothing|limit nothing|restrict nothing/,
        )
        continue
      }
      const verdict = aclOf(policies).decide({ operation, path, data, ...(wrapTtl !== undefined && { wrapTtl }) })
      expect(verdict.allowed, JSON.stringify(fact)).to.equal(allowed)
    }
  })

  it('resultant ACLs', () => {
    for (const { policies, resultant } of decisions)
      if (resultant) expect(aclOf(policies).resultant()).to.deep.equal(resultant)
  })

  it('strings accepted and refused', () => {
    for (const { text, accepted } of texts) {
      if (text in onPurpose) continue
      if (accepted && !emptied.test(text)) expect(() => parsePolicy(text), text).not.to.throw()
      else expect(() => parsePolicy(text), text).to.throw(Fault)
    }
  })
})
