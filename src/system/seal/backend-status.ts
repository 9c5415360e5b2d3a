import { f } from '../../contract/field.ts'
import { body } from '../../contract/wire/returns.ts'
import { rfc3339 } from '../../util/clock.ts'
import type { SealPort } from './seal-port.ts'

/** The members of `backendBody`, as in Vault Enterprise. */
export const backendStatus = body({
  healthy: f.bool('Every seal works.'),
  unhealthy_since: f.string('Since when not; absent while all work.'),
  backends: f.array('Each seal: name, healthy, and unhealthy_since if it does not work.'),
  fully_wrapped: f.bool('Each of them, and no other, can unseal the server.'),
})

/** The body of `sys/seal-backend-status`. */
export async function backendBody(manager: SealPort): Promise<Record<string, unknown>> {
  const backends = manager.backends()
  const since = backends.flatMap(({ healthy, unhealthySince }) => (healthy ? [] : [unhealthySince ?? manager.now()]))
  return {
    healthy: since.length === 0,
    ...(since.length > 0 && { unhealthy_since: rfc3339(Math.min(...since)) }),
    backends: backends.map(({ name, healthy, unhealthySince }) => ({
      name,
      healthy,
      ...(unhealthySince !== undefined && { unhealthy_since: rfc3339(unhealthySince) }),
    })),
    fully_wrapped: await isFullyWrapped(manager),
  }
}

/** Key shares are the seal of every storage that has no other. */
async function isFullyWrapped(manager: SealPort): Promise<boolean> {
  const { isAuto, isMigration, initialised } = await manager.status()
  if (!isAuto || isMigration || !initialised) return initialised && !isMigration
  const [configured, wrapped] = [manager.backends().map(({ name }) => name), (await manager.wrappedBy()) ?? []]
  return configured.length === wrapped.length && configured.every((name) => wrapped.includes(name))
}
