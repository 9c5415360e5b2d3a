import { serverMethods } from './login.ts'
import type { Json } from '../../../util/json.ts'
import type { Command, Run } from '../../framework/command.ts'
import { UsageError } from '../../framework/flags.ts'
import { mountCommands } from '../sys/mounts.ts'
import { mountPath } from '../../http/paths.ts'
import { textOf } from '../../output/table.ts'

/** How people log in with each type of method. */
const loginCommands: Readonly<Record<string, string>> = {
  token: 'strongroom login TOKEN',
  userpass: 'strongroom login -method=userpass username=NAME   (prompts for the password)',
  ldap: 'strongroom login -method=ldap username=NAME   (prompts for the password)',
  radius: 'strongroom login -method=radius username=NAME   (prompts for the password)',
  approle: 'strongroom login -method=approle role_id=ROLE secret_id=SECRET',
  jwt: 'strongroom login -method=jwt role=ROLE jwt=TOKEN',
  oidc: 'strongroom login -method=oidc role=ROLE   (in a browser)',
  kubernetes: 'strongroom login -method=kubernetes role=ROLE jwt=TOKEN',
  cert: 'strongroom login -method=cert -client-cert=FILE -client-key=FILE',
}

async function help(run: Run): Promise<number> {
  const [input = ''] = run.args
  const path = mountPath(input)
  const type = Object.hasOwn(loginCommands, path.slice(0, -1)) ? path.slice(0, -1) : await typeAt(run, path)
  const login = Object.hasOwn(loginCommands, type) ? loginCommands[type] : undefined
  if (login === undefined) throw new UsageError(`there is no auth method ${input}\n  supported types: ${serverMethods}`)
  run.out(`To log in with the auth method ${type}:\n\n  ${login}\n`)
  return 0
}

async function typeAt(run: Run, path: string): Promise<string> {
  const body = await run.client.ask('data', 'GET', 'sys/auth')
  return textOf(((body['data'] ?? {}) as Readonly<Record<string, Json>>)[path]?.['type'])
}

/** `auth …`. */
export const authCommands: readonly Command[] = [
  ...mountCommands({
    word: 'auth',
    api: 'sys/auth',
    one: 'auth method',
    enabled: (type) => `${type} auth method`,
    enabling: (type) => `enabling the auth method ${type}`,
    // Its own place, and not sys/auth/…/tune, so that a policy on sys/mounts covers both.
    tunePath: (path) => `sys/mounts/auth/${path}tune`,
  }),
  {
    name: 'auth help',
    about: 'Show how to log in with an auth method',
    usage: 'TYPE | PATH',
    args: [1, 1],
    doing: 'listing auth methods',
    run: help,
  },
]
