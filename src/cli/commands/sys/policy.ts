import { writeFileSync } from 'node:fs'
import { formatPolicy } from '../../../policy/format.ts'
import { ServerError } from '../../http/errors.ts'
import type { Command, Run } from '../../framework/command.ts'
import { fileText } from '../../framework/request-data.ts'
import { UsageError } from '../../framework/flags.ts'
import { orNothing } from '../generic/generic.ts'
import { policyExplainCommand } from './policy-explain.ts'
import { showResponse, showValue } from '../../output/show.ts'

/** Policies have names in small letters; a name in capitals would be another policy to a careless reader. */
const nameOf = (run: Run): string => (run.args[0] ?? '').replace(/[A-Z]/g, (letter) => letter.toLowerCase())

async function list(run: Run): Promise<number> {
  const body = await run.client.ask('data', 'GET', 'sys/policies/acl', undefined, { query: { list: true } })
  if (body['wrap_info']) return showResponse(run, body)
  const keys = (body['data'] as { readonly keys?: readonly string[] } | undefined)?.keys ?? []
  if (run.format === 'table') run.out(`${keys.join('\n')}\n`)
  else await showValue(run, keys)
  return 0
}

async function read(run: Run): Promise<number> {
  const name = nameOf(run)
  const response = await orNothing(run, run.client.ask('data', 'GET', `sys/policies/acl/${name}`))
  if (response?.['wrap_info']) return showResponse(run, response)
  const policy = (response?.['data'] as { readonly policy?: string } | undefined)?.policy
  if (!policy) {
    run.err(`No policy named: ${name}`)
    return 2
  }
  if (run.format === 'table') run.out(`${policy.trim()}\n`)
  else await showValue(run, { policy })
  return 0
}

async function write(run: Run): Promise<number> {
  const [input = '', file = ''] = run.args
  const name = nameOf(run)
  const policy = file === '-' ? await run.stdin() : policyFile(file)
  if (name !== input) run.err(`Policy names are lowercase: this policy is written as "${name}".`)
  await run.client.send('PUT', `sys/policies/acl/${name}`, { policy })
  run.out(`Success! Uploaded policy: ${name}\n`)
  return 0
}

/** A write of a file that cannot be read exits with 2, as recorded. */
function policyFile(path: string): string {
  try {
    return fileText(path)
  } catch (thrown) {
    throw Object.assign(new ServerError((thrown as Error).message), { during: 'Error' })
  }
}

async function remove(run: Run): Promise<number> {
  const name = nameOf(run)
  await run.client.send('DELETE', `sys/policies/acl/${name}`)
  run.out(`Success! Deleted policy: ${name}\n`)
  return 0
}

async function format(run: Run): Promise<number> {
  const [file = ''] = run.args
  const text = fileText(file)
  try {
    writeFileSync(file, formatPolicy(text))
  } catch (thrown) {
    throw new UsageError(`${file} was not changed: ${thrown instanceof Error ? thrown.message : 'not a policy'}`)
  }
  run.out(`Success! Formatted policy: ${file}\n`)
  return 0
}

/** `policy …`. */
export const policyCommands: readonly Command[] = [
  {
    name: 'policy list',
    about: 'List policies',
    args: [0, 0],
    shows: ['format'],
    doing: 'listing policies',
    run: list,
  },
  {
    name: 'policy read',
    about: 'Read a policy',
    usage: 'NAME',
    args: [1, 1],
    shows: ['format'],
    doing: (run) => `reading the policy named ${nameOf(run)}`,
    run: read,
  },
  {
    name: 'policy write',
    about: 'Write a policy from a file, or from standard input with "-"',
    usage: 'NAME FILE',
    args: [2, 2],
    doing: 'uploading the policy',
    run: write,
  },
  {
    name: 'policy delete',
    about: 'Delete a policy',
    usage: 'NAME',
    args: [1, 1],
    doing: (run) => `deleting the policy named ${nameOf(run)}`,
    run: remove,
  },
  policyExplainCommand,
  { name: 'policy fmt', about: 'Format a policy file', usage: 'FILE', args: [1, 1], offline: true, run: format },
]
