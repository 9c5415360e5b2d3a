import { randomUUID } from 'node:crypto'
import { Fault, refuse } from '../contract/fault.ts'
import { rootNamespace } from '../contract/identity.ts'
import type { Capability, NamespaceId, TokenRecord } from '../contract/identity.ts'
import { capabilitiesAt } from '../core/request/decision/capabilities.ts'
import { reachOf } from '../core/request/decision/caller.ts'
import { innermost } from '../core/namespaces/namespace.ts'
import type { Namespace, NamespaceRecord } from '../core/namespaces/namespace.ts'
import { explainer } from '../core/policies/explain.ts'
import { namespaceName } from '../core/namespaces/names.ts'
import type { UnsealedServer } from '../core/unsealed/unsealed-server.ts'
import type { NamespacePorts } from '../system/engine.ts'
import type { LockedNamespace, LockedUsers } from '../system/lockouts.ts'
import type { NamespacePort } from '../system/namespaces.ts'
import { byteOrder } from '../util/bytes.ts'
import type { Clock } from '../util/clock.ts'
import { inSlices } from '../util/slices.ts'

interface NamespaceParts {
  /** @throws Fault sealed */
  readonly unsealed: () => UnsealedServer
  readonly clock: Clock
  readonly ttl: { readonly default: number; readonly max: number }
}

/** The dependencies of one namespace's ports. `here` looks the namespace up for each request. */
interface Here extends NamespaceParts {
  readonly id: NamespaceId
  /** @throws Fault sealed; no_route once the namespace is removed */
  readonly here: () => Namespace
}

/** The ports of the `sys/` routes of one namespace, exactly as they declare them. */
export function namespacePorts(parts: NamespaceParts, id: NamespaceId): NamespacePorts {
  const { unsealed, clock } = parts
  const here = (): Namespace => {
    const namespace = unsealed().namespaces.byId(id)
    if (!namespace) throw new Fault('no_route', 'namespace not found')
    return namespace
  }
  const context = { ...parts, id, here }
  return {
    mounts: mountPorts(context),
    ...policyPorts(context),
    explain: explainer(unsealed, here, clock),
    internal: internalPorts(context),
    openApi: {
      offered: () =>
        here()
          .mounts.router.all()
          .map(({ record, engine }) => ({ record, routes: engine.routes })),
    },
    leases: leasePorts(context),
    counters: {
      tokens: async () => unsealed().tokens.count(id),
      entities: async () => (await unsealed().identities(id)?.count()) ?? 0,
    },
    lockouts: lockoutPort(context),
    namespaces: childPorts(unsealed, here),
  }
}

function mountPorts({ here, ttl }: Here): NamespacePorts['mounts'] {
  return {
    list: (kind) => here().mounts.list(kind),
    at: (path) => here().mounts.at(path),
    holding: (path) => here().mounts.router.mountOf(path)?.record,
    limits: (record) => here().mounts.limits(record),
    ttl,
    versions: (type) => here().mounts.versions(type),
    locksOut: (type) => here().mounts.locksOut(type),
    enable: async (spec) => here().mounts.enable(spec),
    disable: async (path) => here().mounts.disable(path),
    tune: async (path, change) => here().mounts.tune(path, change),
    move: async (from, to) => here().mounts.move(from, to),
    uuid: randomUUID,
  }
}

function policyPorts(context: Here): Pick<NamespacePorts, 'policies' | 'passwordPolicies' | 'capabilities'> {
  const { here, unsealed, clock, id } = context
  return {
    policies: {
      get: async (name) => here().policies.get(name),
      list: async (prefix) =>
        (await here().policies.list(prefix)).filter((name) => name !== 'root' || id === rootNamespace),
      write: async (name, change) => here().policies.write(name, change),
      patch: async (name, change) => here().policies.patch(name, change),
      delete: async (name) => here().policies.delete(name),
      now: () => clock.now(),
    },
    passwordPolicies: {
      get: async (name) => here().passwordPolicies.get(name),
      list: async () => here().passwordPolicies.list(),
      write: async (name, policy) => here().passwordPolicies.write(name, policy),
      delete: async (name) => here().passwordPolicies.delete(name),
      generate: async (name) => here().passwordPolicies.generate(name),
    },
    capabilities: {
      ofCaller: async (token, paths) => capabilitiesOf(unsealed(), here(), token, paths),
      ofToken: async (bearer, paths) => {
        const token = await unsealed().tokens.resolve(bearer)
        return token && capabilitiesOf(unsealed(), here(), token, paths)
      },
      ofAccessor: async (accessor, paths) => {
        const token = await unsealed().tokens.byAccessor(id, accessor)
        return token && capabilitiesOf(unsealed(), here(), token, paths)
      },
    },
  }
}

function internalPorts({ here, unsealed }: Here): NamespacePorts['internal'] {
  return {
    list: (kind) => here().mounts.list(kind),
    holding: (path) => {
      const from = here()
      const namespace = innermost(from, path)
      const record = namespace.mounts.router.mountOf(path.slice(from.pathIn(namespace, '').length))?.record
      return record && { record, under: from.pathIn(namespace, ''), namespace: namespace.path }
    },
    namespaces: () => inOrder(here().children.values()).map(({ name }) => name),
    resultant: async ({ token }) => (token ? (await unsealed().acls.of(token)).resultant() : {}),
  }
}

function leasePorts({ unsealed, clock, id }: Here): NamespacePorts['leases'] {
  return {
    now: () => clock.now(),
    lookup: async (lease) => unsealed().leases.lookup(id, lease),
    list: async (prefix) => unsealed().leases.list(id, prefix),
    revoke: async (lease) => unsealed().leases.revoke(id, lease),
    revokePrefix: async (prefix, wait) => unsealed().leases.revokePrefix(id, prefix, wait),
    tidy: () => unsealed().leases.tidySoon(),
  }
}

function lockoutPort({ unsealed, here }: Here): NamespacePorts['lockouts'] {
  const mountsOf = ({ mounts }: Namespace) => mounts.list('auth').filter(({ type }) => mounts.locksOut(type))
  return {
    locked: async () => {
      const found: LockedNamespace[] = []
      for (const namespace of [here(), ...inOrder(here().below())]) {
        const mounts: LockedUsers[] = []
        for (const mount of mountsOf(namespace))
          mounts.push({ accessor: mount.accessor, names: await unsealed().lockouts.locked(mount) })
        found.push({ id: namespace.id, path: namespace.path, mounts })
      }
      return found
    },
    unlock: (accessor, alias) => {
      const mount = mountsOf(here()).find((one) => one.accessor === accessor)
      if (!mount) return
      // Some methods fold letter case, others do not.
      for (const name of new Set([alias, alias.toLowerCase()])) unsealed().lockouts.unlock(mount, name)
    },
  }
}

function childPorts(unsealed: () => UnsealedServer, here: () => Namespace): NamespacePort {
  const all = () => unsealed().namespaces
  const at = (path: string): Namespace => {
    const found = all().at(here(), path)
    if (!found) throw refuse('there is no such namespace')
    return found
  }
  return {
    get path() {
      return here().path
    },
    get: (name) => {
      const found = here().children.get(namespaceName(name))
      return found && namespaceInfo(found.record)
    },
    list: (deep) =>
      inOrder(deep ? here().below() : here().children.values()).map(({ record }) => namespaceInfo(record)),
    set: async (name, metadata) => namespaceInfo(await all().set(here(), name, metadata)),
    patch: async (name, change) => namespaceInfo(await all().patch(here(), name, change)),
    remove: async (name) => {
      const existed = await all().remove(here(), name)
      if (existed) unsealed().purgeSoon()
      return existed
    },
    lock: async (path) => all().lock(at(path)),
    unlock: async (path, key) => all().unlock(at(path), key),
  }
}

const inOrder = (namespaces: Iterable<Namespace>): Namespace[] =>
  [...namespaces].sort((a, b) => byteOrder(a.path, b.path))

const namespaceInfo = ({ removing = false, lock, ...record }: NamespaceRecord) => ({
  ...record,
  removing,
  locked: lock !== undefined,
})

async function capabilitiesOf(
  { acls, namespaces }: UnsealedServer,
  here: Namespace,
  token: TokenRecord,
  paths: readonly string[],
): Promise<readonly (readonly Capability[])[]> {
  const acl = await acls.of(token)
  const home = namespaces.byId(token.namespace)
  return inSlices(paths, (path) => {
    const seen = home && pathSeenFrom(home, here, path.startsWith('/') ? path.slice(1) : path)
    return home && seen !== undefined ? capabilitiesAt(acl, home, seen) : ['deny']
  })
}

/** A path of one namespace, relative to another one above or below it. Undefined if there is no such path. */
function pathSeenFrom(home: Namespace, here: Namespace, path: string): string | undefined {
  if (home === here || !here.holds(home)) {
    const reach = reachOf(home, here)
    return reach === undefined ? undefined : reach + path
  }
  const into = here.pathIn(home, '')
  return path.startsWith(into) ? path.slice(into.length) : undefined
}
