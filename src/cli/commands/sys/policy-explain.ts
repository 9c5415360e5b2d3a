import { explainable } from '../../../contract/identity.ts'
import type { Command, Run } from '../../framework/command.ts'
import { inputOf } from '../../framework/request-data.ts'
import { UsageError } from '../../framework/flags.ts'
import { fieldOf } from '../../output/format.ts'
import { showField, showValue } from '../../output/show.ts'
import { table } from '../../output/table.ts'

interface ExplainedRule {
  readonly path: string | null
  readonly templates?: readonly string[]
  readonly policies: readonly string[]
  readonly unnamed_policies: number
  readonly capabilities: readonly string[]
  readonly behind: string | null
}

/** `data` of `sys/policies/explain`. */
interface Explained {
  readonly allowed: boolean
  readonly reason: string
  readonly considered: readonly ExplainedRule[]
  readonly left_out: readonly { readonly path: string; readonly policy: string | null; readonly why: string }[]
  readonly suggestion: string | null
}

async function explain(run: Run): Promise<number> {
  const [operation = '', path = '', ...words] = run.args
  if (!explainable.some((word) => word === operation))
    throw new UsageError(
      `"${operation}" is not one of ${explainable.join(', ')}\n  next: strongroom policy explain read secret/data/app`,
    )
  const accessor = run.flags.string('accessor') ?? ''
  const policies = run.flags.strings('policy')
  const own = accessor === '' && policies.length === 0
  const wrapped = run.flags.string('wrapped')
  const body = await run.client.ask('considered', 'POST', `sys/policies/explain${own ? '-self' : ''}`, {
    path,
    operation,
    ...(words.length > 0 && { parameters: await inputOf(run, words) }),
    ...(wrapped !== undefined && { wrap_ttl: wrapped }),
    ...(accessor !== '' && { accessor }),
    ...(policies.length > 0 && { policies }),
  })
  const field = run.flags.string('field') ?? ''
  if (field !== '') return showField(run, fieldOf(body, field), field)
  const explained = body['data'] as Explained
  if (run.format === 'table') run.out(inWords(explained))
  else await showValue(run, explained)
  return 0
}

function inWords({ allowed, reason, considered, left_out: leftOut, suggestion }: Explained): string {
  const rows = considered.map(({ path, policies, unnamed_policies: unnamed, capabilities, behind }, at) => [
    path ?? '(hidden)',
    `[${capabilities.join(' ')}]`,
    [...policies, ...(unnamed > 0 ? [`${unnamed} not named`] : [])].join(', '),
    at === 0 ? 'decides' : `behind: ${behind}`,
  ])
  return [
    `${allowed ? 'Allowed' : 'Denied'}: ${reason}.\n`,
    rows.length > 0 ? `\n${table(['Rule', 'Gives', 'Policies', 'Rank'], rows)}\n` : '',
    ...considered.flatMap(({ path, templates = [] }) =>
      templates.map((template) => `\n${path ?? '(hidden)'} is what ${template} stands for here.\n`),
    ),
    leftOut.length > 0 ? `\nRules that do not apply now:\n` : '',
    ...leftOut.map(
      ({ path, policy, why }) => `  ${path}${policy === null ? '' : ` (${policy})`}: ${exclusionReasons[why] ?? why}\n`,
    ),
    suggestion === null ? '' : `\nThis would allow it:\n\n${suggestion}`,
  ].join('')
}

const exclusionReasons: Readonly<Record<string, string>> = {
  expired: 'it has expired',
  template: 'its template refers to an identity that the token does not have',
  value: 'a value of its template cannot stand in a path',
}

/** `policy explain`. */
export const policyExplainCommand: Command = {
  name: 'policy explain',
  about: 'Show the rule that allows or denies a request, and a policy that would allow it',
  usage: 'OPERATION PATH [K=V…]',
  args: [2, Infinity],
  flags: {
    accessor: { kind: 'string', about: 'Explain for the token with this accessor instead of your own token.' },
    policy: { kind: 'strings', about: 'Explain for this policy instead of a token; can be repeated.' },
    wrapped: { kind: 'duration', about: 'Explain the request with response wrapping of this TTL.' },
  },
  shows: ['field', 'format'],
  needs: 'explanations of policies',
  doing: 'explaining',
  run: explain,
}
