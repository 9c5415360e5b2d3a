import type { Capability } from '../../contract/identity.ts'
import type { Acl } from '../acl.ts'
import { parsePolicy } from '../document.ts'
import type { PolicyDocument } from '../document.ts'
import type { Question } from './explain.ts'
import type { Merged } from '../rules.ts'

const added = 'suggestion'

/**
 * The smallest stanza that would allow a request, if one could: for exactly its path, with the capability that is missing
 * and the existing ones, because a rule for an exact path replaces all others. If the deciding rule has conditions on
 * parameters, only the parameters of the request are allowed. The stanza is checked before it is returned.
 * @param acl the policies in force, compiled; it is of no use afterwards
 * @param existing capabilities given so far
 * @param rule the deciding rule, if it is visible
 */
export function suggestion(
  acl: Acl,
  question: Question,
  existing: readonly Capability[],
  rule: Merged | undefined,
): string | undefined {
  const { path, operation, needsSudo } = question
  const folder = (operation === 'list' || operation === 'scan') && !path.endsWith('/') ? `${path}/` : path
  const wanted: readonly Capability[] = needsSudo ? [operation, 'sudo'] : [operation]
  const capabilities = [...new Set([...existing.filter((capability) => capability !== 'deny'), ...wanted])]
  const stanza = stanzaText(folder, capabilities, rule ? conditions(rule, question) : '')
  const document = readable(stanza)
  // A path such as `a/*` or `a/+/b` cannot be named by a rule of its own: the stanza would allow far more.
  if (document?.rules[0]?.path !== folder || /\*$|\{\{|(^|\/)\+(\/|$)/.test(folder)) return undefined
  const { allowed, sudo } = acl.decideWith({ name: added, document }, question)
  return allowed && (!needsSudo || sudo) ? stanza : undefined
}

function stanzaText(path: string, capabilities: readonly Capability[], more: string): string {
  const words = capabilities.map((capability) => `"${capability}"`).join(', ')
  return `path ${JSON.stringify(path)} {\n  capabilities = [${words}]\n${more}}\n`
}

function conditions(rule: Merged, { data, wrapTtl }: Question): string {
  const narrowed = rule.allowed.size > 0 || rule.denied.size > 0 || rule.required.size > 0
  const names = narrowed ? Object.keys(data).map((name) => `    ${JSON.stringify(name)} = []\n`) : []
  const bound = rule.minWrappingTtl !== undefined && wrapTtl !== undefined
  return (
    (names.length > 0 ? `  allowed_parameters = {\n${names.join('')}  }\n` : '') +
    (bound ? `  min_wrapping_ttl = "${wrapTtl}s"\n` : '')
  )
}

function readable(stanza: string): PolicyDocument | undefined {
  try {
    return parsePolicy(stanza)
  } catch {
    return undefined
  }
}
