import { refuse } from '../../contract/fault.ts'
import { f } from '../../contract/field.ts'
import { done } from '../../contract/response.ts'
import type { Response } from '../../contract/response.ts'
import { body } from '../../contract/wire/returns.ts'
import { routesOf } from '../../contract/route.ts'
import type { Route } from '../../contract/route.ts'
import { shareOf, strictBool, strictString } from './key-input.ts'
import { anywhere, operator } from './operator-access.ts'
import type { SealPort } from './seal-port.ts'
import { backendBody, backendStatus } from './backend-status.ts'
import { release, sealStatus, statusBody } from './seal-status.ts'
import { healthFields, health } from './health.ts'
import { initRoutes } from './initialise.ts'

const { read, write } = routesOf<unknown>()

/** `sys/init`, `seal-status`, `seal-backend-status`, `unseal`, `seal`, `health`, `leader` and `step-down`. */
export function sealRoutes(manager: SealPort): Route<unknown>[] {
  return [...initRoutes(manager), unsealRoute(manager), ...operatorRoutes(manager), ...statusRoutes(manager)]
}

function unsealRoute(manager: SealPort): Route<unknown> {
  return write('unseal', {
    ...operator,
    about: 'Provide one key share.',
    returns: sealStatus,
    fields: {
      key: f.any('The share, hex or base64.'),
      reset: f.any('Discard the shares provided so far.'),
      migrate: f.any('Change the seal to that of the configuration; to be given with every share.'),
      accept_storage: f.any(
        'The code of damage to stored records that is accepted; "check" checks all records and returns the code.',
      ),
      accept_audit_log: f.any('The code of damage to the audit log that is accepted, from the error message.'),
      expected_head: f.any('The head that the audit log must contain: size:root, or device:size:root.'),
    },
    handle: async ({ isGiven }, values) => {
      const storage = strictString('accept_storage', values.accept_storage)
      const accept = strictString('accept_audit_log', values.accept_audit_log)
      const head = strictString('expected_head', values.expected_head)
      if (isGiven('expected_head') && !/^(.+:)?[0-9]{1,15}:[A-Za-z0-9+/]{43}=$/.test(head))
        throw refuse('expected_head is size:root as seal-status shows it under audit_heads, or device:size:root')
      const options = {
        ...(storage !== '' && { acceptStorage: storage }),
        ...(accept !== '' && { acceptAuditLog: accept }),
        ...(head !== '' && { expectedHead: head }),
      }
      return unseal(manager, { ...values, options })
    },
  })
}

function operatorRoutes(manager: SealPort): Route<unknown>[] {
  return [
    write('seal', {
      about: 'Seal the server: wipe its keys from memory.',
      access: 'sudo',
      whenSealed: true,
      rootOnly: true,
      handle: () => ({ after: async () => manager.seal() }),
    }),
    write('step-down', {
      about: 'Give up being the active node. There is only one.',
      access: 'sudo',
      whenSealed: true,
      rootOnly: true,
      handle: () => done(),
    }),
  ]
}

function statusRoutes(manager: SealPort): Route<unknown>[] {
  return [
    read('seal-status', {
      ...anywhere,
      about: 'Whether the server is sealed, and how many shares it still needs.',
      returns: sealStatus,
      responseUnaudited: true,
      handle: async () => ({ data: await statusBody(manager) }),
    }),
    read('seal-backend-status', {
      ...anywhere,
      about: 'Whether the seals of the configuration work, and which of them can unseal the server.',
      returns: backendStatus,
      responseUnaudited: true,
      handle: async () => ({ data: await backendBody(manager) }),
    }),
    read('health', {
      ...operator,
      about: 'For load balancers: the state as an HTTP status.',
      returns: body({
        initialized: f.bool('It is initialised.'),
        sealed: f.bool('It is sealed.'),
        standby: f.bool('As `sealed`: there are no standbys.'),
        replication_performance_mode: f.string('`disabled`; `unknown` while sealed.'),
        replication_dr_mode: f.string('The same.'),
        server_time_utc: f.int('Unix seconds.'),
        ...release,
      }),
      responseUnaudited: true,
      fields: healthFields,
      handle: async (_, values) => health(manager, values),
    }),
    read('leader', {
      ...anywhere,
      about: 'The active node.',
      returns: body({ ha_enabled: f.bool('Always false.') }),
      responseUnaudited: true,
      handle: () => ({ data: { ha_enabled: false } }),
    }),
  ]
}

interface UnsealCall {
  readonly key: unknown
  readonly reset: unknown
  readonly migrate: unknown
  readonly options: Parameters<SealPort['unseal']>[1]
}

export async function unseal(manager: SealPort, { key, options, ...flags }: UnsealCall): Promise<Response> {
  const reset = strictBool('reset', flags.reset)
  const migrate = strictBool('migrate', flags.migrate)
  if (!(await manager.status()).initialised) throw refuse('Vault is not initialized')
  if (reset) await manager.resetUnseal()
  else
    await manager.unseal(shareOf(key, "'key' must be specified in request body as JSON, or 'reset' set to true"), {
      ...options,
      migrate,
    })
  return { data: await statusBody(manager) }
}
