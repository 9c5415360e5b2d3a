import { Fault, refuse } from '../contract/fault.ts'
import { f, pathForms } from '../contract/field.ts'
import type { Values } from '../contract/field.ts'
import { rootNamespace } from '../contract/identity.ts'
import { isPathName } from '../contract/names.ts'
import { answer, done } from '../contract/response.ts'
import { routesOf } from '../contract/route.ts'
import type { Route } from '../contract/route.ts'

interface Quota {
  readonly name: string
  readonly namespace?: string
  readonly mount?: string
  readonly suffix: string
  readonly rate: number
  readonly interval: number
  readonly blockInterval: number
  readonly inheritable: boolean
  readonly role?: string
}

interface Config {
  readonly auditRejections: boolean
  readonly headers: boolean
  readonly exempt: readonly string[]
}

interface Place {
  readonly namespace: string
  readonly mount?: string
  readonly rest: string
  /** It is a mount of an auth method, and whether the logins of that method name a role. */
  readonly isLogin: boolean
  readonly hasRoles: boolean
}

/** The quotas, for these routes: see core/quotas/quotas.ts. */
export interface QuotaPort {
  config(): Config
  configure(config: Config): Promise<void>
  names(): readonly string[]
  get(name: string): Quota | undefined
  write(quota: Quota): Promise<void>
  delete(name: string): Promise<void>
  /** The mount of a path, and the rest of the path; without a mount it is a whole namespace. */
  place(path: string): Place | undefined
  /** The path of a mount, or of a whole namespace; undefined if it no longer exists. */
  pathOf(namespace: string, mount: string | undefined): string | undefined
}

const { read, list, write, remove } = routesOf<unknown>()
const name = { name: f.string('The name of the quota.').or('') }
const fields = {
  ...name,
  type: f.string('Ignored: rate-limit.'),
  path: f
    .string('A mount, a path in it, or a prefix with * at the end; empty: the whole server.')
    .reads(pathForms)
    .or(''),
  role: f.string('Only logins to this role of the mount in path, which the other quotas then do not count.').or(''),
  rate: f.number('The number of requests of a client in one interval.').or(0),
  interval: f
    .duration('The interval. Default: 1s.')
    .reads((value) => (value === undefined || value === 0 ? [1] : []))
    .or(0),
  block_interval: f
    .duration('The time for which a client over the limit is refused; 0: the rest of the interval.')
    .or(0),
  inheritable: f.bool(
    'Whether it applies to child namespaces as well. Default: true for the global quota, otherwise false.',
  ),
}

/** `sys/quotas`: rate limits of clients. */
export function quotaRoutes(quotas: QuotaPort): Route<unknown>[] {
  const one = 'quotas/rate-limit/:name'
  return [
    ...configRoutes(quotas),
    list('quotas/rate-limit', {
      about: 'List the rate-limit quotas.',
      returns: { keys: f.list('Their names.') },
      handle: () => {
        const keys = quotas.names()
        if (keys.length === 0) throw new Fault('not_found', 'there are no quotas')
        return answer({ keys })
      },
    }),
    read(one, {
      about: 'Read a rate-limit quota.',
      returns: {
        type: f.string('`rate-limit`.'),
        name: f.string('Its name.'),
        path: f.string('The paths of the quota; empty: the whole server.'),
        role: f.string('The role whose logins it counts; empty: all requests.'),
        rate: f.number('Requests of a client in one interval.'),
        interval: f.int('The interval, seconds.'),
        block_interval: f.int('The time in seconds for which a client over the limit is refused.'),
        inheritable: f.bool('It applies to child namespaces as well.'),
      },
      fields: name,
      handle: (_, values) => answer(bodyOf(quotas, quotas.get(checked(values.name)))),
    }),
    write(one, {
      about: 'Create or replace a rate-limit quota.',
      fields,
      handle: async ({ caller }, values) => {
        const quota = quotaOf(quotas, values)
        if (values.inheritable === undefined && caller.deniesValue('inheritable', quota.inheritable))
          throw new Fault('permission_denied', 'permission denied')
        await quotas.write(quota)
        return done()
      },
    }),
    remove(one, {
      about: 'Remove a rate-limit quota.',
      fields: name,
      handle: async (_, values) => {
        await quotas.delete(checked(values.name))
        return done()
      },
    }),
  ]
}

const configFields = {
  enable_rate_limit_audit_logging: f.bool('Write rejected requests to the audit log.').or(false),
  enable_rate_limit_response_headers: f.bool('Add the remaining quota to every response.').or(false),
  rate_limit_exempt_paths: f.texts('Exempt paths, each with all paths below it.').or([]),
}

function configRoutes(quotas: QuotaPort): Route<unknown>[] {
  return [
    read('quotas/config', {
      about: 'Read the settings of all quotas.',
      returns: configFields,
      handle: () => {
        const { auditRejections, headers, exempt } = quotas.config()
        return answer({
          enable_rate_limit_audit_logging: auditRejections,
          enable_rate_limit_response_headers: headers,
          rate_limit_exempt_paths: exempt,
        })
      },
    }),
    write('quotas/config', {
      about: 'Write the settings of all quotas. Omitted parameters are reset.',
      fields: configFields,
      handle: async (_, values) => {
        await quotas.configure({
          auditRejections: values.enable_rate_limit_audit_logging,
          headers: values.enable_rate_limit_response_headers,
          exempt: values.rate_limit_exempt_paths,
        })
        return done()
      },
    }),
  ]
}

function checked(path: string): string {
  if (!isPathName(path)) throw new Fault('unsupported_path', 'unsupported path')
  return path
}

function quotaOf(quotas: QuotaPort, values: Values<typeof fields>): Quota {
  const { rate, interval, block_interval: blockInterval } = values
  if (rate <= 0) throw refuse("'rate' is invalid")
  const path = values.path.replace(/^\//, '')
  if (path === '' && values.path !== '') throw refuse('"/" is no path: leave "path" out for the whole server')
  const place = quotas.place(path)
  if (!place) throw refuse(`invalid mount path "${path.endsWith('/') ? path : `${path}/`}"`)
  const { namespace, mount, rest } = place
  const role = values.role === '' ? undefined : checkedRole(values.role, place, path)
  return {
    name: checked(values.name),
    ...(namespace !== rootNamespace && { namespace }),
    ...(mount !== undefined && { mount }),
    suffix: rest.replace(/\/$/, ''),
    rate,
    interval: interval || 1,
    blockInterval,
    ...(role !== undefined && { role }),
    inheritable: values.inheritable ?? (mount === undefined && namespace === rootNamespace),
  }
}

/** @throws Fault invalid_request when no login to that path could be of this role */
function checkedRole(role: string, { rest, isLogin, hasRoles }: Place, path: string): string {
  if (rest !== '') throw refuse('a quota by role is for a whole mount: leave out what follows the mount in "path"')
  if (!isLogin) throw refuse(`"${path}" is no mount of an auth method: a quota by role needs one, such as auth/approle`)
  if (!hasRoles) throw refuse(`logins at "${path}" name no role: leave "role" out`)
  if (!isPathName(role)) throw refuse('"role" cannot be the name of a role')
  // Methods fold the names of roles: a quota under another spelling would count nothing.
  if (role !== role.toLowerCase()) throw refuse(`names of roles are in lower case: write "${role.toLowerCase()}"`)
  return role
}

function bodyOf(quotas: QuotaPort, quota: Quota | undefined): Readonly<Record<string, unknown>> {
  const path = quota && quotas.pathOf(quota.namespace ?? rootNamespace, quota.mount)
  if (!quota || path === undefined) throw new Fault('not_found', 'there is no such quota')
  const { name: called, suffix, role = '', rate, interval, blockInterval, inheritable } = quota
  return {
    type: 'rate-limit',
    name: called,
    path: path + suffix,
    role,
    rate,
    interval,
    block_interval: blockInterval,
    inheritable,
  }
}
