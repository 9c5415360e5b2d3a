import { asFault, refuse } from '../../../../contract/fault.ts'
import type { Fault } from '../../../../contract/fault.ts'
import type { Transaction, View } from '../../../../contract/view.ts'
import { Slices } from '../../../../util/slices.ts'
import type { Identity } from '../../identity.ts'
import { clientsOf } from '../provider/settings/client-record.ts'
import { atOidc } from '../names.ts'
import { algorithmNames, defaultKey, defaultKeyName, freshKey, keyShape } from './key-record.ts'
import type { OidcKey } from './key-record.ts'
import { FreshPairs, renewed, rotated } from './key-ring.ts'
import { rolesOf } from './role-record.ts'

/** A named key; `default` always exists. */
export async function keyNamed(view: Pick<View, 'get'> | Transaction, name: string): Promise<OidcKey | undefined> {
  return (await view.get(atOidc.key(name), keyShape)) ?? (name === defaultKeyName ? defaultKey : undefined)
}

/** The parameters of a write of a key; undefined: not sent. */
interface KeyChange {
  readonly algorithm: string | undefined
  readonly rotationPeriod: number | undefined
  readonly verificationTtl: number | undefined
  readonly allowedClients: readonly string[] | undefined
}

/** Creates or changes a key. A change of the algorithm generates new pairs. @param confirm see `Call.confirm`. @throws Fault invalid_request */
export async function setKey(
  identity: Identity,
  name: string,
  change: KeyChange,
  confirm: (exists: boolean) => void,
): Promise<void> {
  const pairs = new FreshPairs(identity)
  await identity.view.transaction(async (tx) => {
    const old = await keyNamed(tx, name)
    confirm(old !== undefined)
    const now = identity.clock.now()
    const next = checkedKey(change, old ?? { ...freshKey, nextRotation: now })
    if (old && next.verificationTtl < old.verificationTtl) await refuseShorter(identity, tx, name, next.verificationTtl)
    if (old?.signing && old.algorithm === next.algorithm) {
      const nextRotation =
        old.rotationPeriod === next.rotationPeriod ? old.nextRotation : now + next.rotationPeriod * 1000
      return tx.put(atOidc.key(name), { ...next, nextRotation })
    }
    return tx.put(atOidc.key(name), await renewed(next, pairs, old, now))
  })
}

function checkedKey(change: KeyChange, old: OidcKey): OidcKey {
  const next = {
    ...old,
    algorithm: change.algorithm ?? old.algorithm,
    rotationPeriod: change.rotationPeriod ?? old.rotationPeriod,
    verificationTtl: change.verificationTtl ?? old.verificationTtl,
    allowedClients: [...new Set(change.allowedClients ?? old.allowedClients)],
  }
  if (next.rotationPeriod < 60) throw refuse('rotation_period must be at least one minute')
  if (next.verificationTtl > 10 * next.rotationPeriod)
    throw refuse('verification_ttl cannot be longer than 10x rotation_period')
  if (!algorithmNames.includes(next.algorithm)) throw refuse(`unknown signing algorithm "${next.algorithm}"`)
  return next
}

/** @throws Fault invalid_request if tokens of a role or a client are valid for longer than the key would verify them */
async function refuseShorter(
  { view }: Identity,
  tx: Transaction,
  name: string,
  verificationTtl: number,
): Promise<void> {
  tx.unchanged('oidc-role/')
  tx.unchanged('oidc-client/')
  const roles = (await rolesOf(view)).filter(([, role]) => role.key === name && role.ttl > verificationTtl)
  if (roles.length > 0)
    throw refuse(`unable to update key "${name}" because it is currently referenced by one or more roles with a token ttl greater than ${verificationTtl} seconds`) // prettier-ignore
  const clients = (await clientsOf(view)).filter(([, client]) => client.key === name && client.idTokenTtl > verificationTtl) // prettier-ignore
  if (clients.length > 0)
    throw refuse(`unable to update key "${name}" because it is currently referenced by one or more clients with an id_token_ttl greater than ${verificationTtl} seconds`) // prettier-ignore
}

/** The key with its pairs; those of `default` are generated at its first use. */
export async function usableKey(identity: Identity, name: string): Promise<OidcKey | undefined> {
  const found = await keyNamed(identity.view, name)
  if (!found || found.signing) return found
  const pairs = new FreshPairs(identity)
  return identity.view.transaction(async (tx) => {
    const key = await keyNamed(tx, name)
    if (!key || key.signing) return key
    const next = await renewed(key, pairs, undefined, identity.clock.now())
    tx.put(atOidc.key(name), next)
    return next
  })
}

/** Rotates a key. @param verificationTtl of the current pair, seconds. @throws Fault invalid_request */
export async function rotateKey(identity: Identity, name: string, verificationTtl: number | undefined): Promise<void> {
  const pairs = new FreshPairs(identity)
  await identity.view.transaction(async (tx) => {
    const key = await keyNamed(tx, name)
    if (!key) throw refuse(`no named key found at "${name}"`)
    if (verificationTtl !== undefined && verificationTtl > 10 * key.rotationPeriod)
      throw refuse('verification_ttl cannot be longer than 10x rotation_period')
    tx.put(atOidc.key(name), await rotated(key, pairs, identity.clock.now(), verificationTtl))
  })
}

/** Removes an unreferenced key. @throws Fault invalid_request */
export async function removeKey({ view }: Identity, name: string): Promise<void> {
  if (name === defaultKeyName) throw refuse(`deletion of key "${name}" not allowed`)
  await view.transaction(async (tx) => {
    if (!(await tx.get(atOidc.key(name), keyShape))) return
    // A concurrent write of a role or a client with this key conflicts and is retried.
    tx.unchanged('oidc-role/')
    tx.unchanged('oidc-client/')
    refuseUsed(name, 'roles', await rolesOf(view))
    refuseUsed(name, 'clients', await clientsOf(view))
    tx.del(atOidc.key(name))
  })
}

function refuseUsed(
  key: string,
  kind: 'roles' | 'clients',
  all: readonly (readonly [string, { readonly key: string }])[],
): void {
  const users = all.filter(([, one]) => one.key === key).map(([name]) => name)
  if (users.length > 0)
    throw refuse(`unable to delete key "${key}" because it is currently referenced by these ${kind}: ${users.join(', ')}`) // prettier-ignore
}

/** Rotates the keys that are due, and removes expired public keys. Called every minute. @throws Fault the first failure, after all other keys were rotated */
export async function rotateDue(identity: Identity): Promise<void> {
  const slices = new Slices()
  const failures: Fault[] = []
  for (const name of await identity.view.list('oidc-key/')) {
    await rotateIfDue(identity, name).catch((thrown: unknown) => failures.push(asFault(thrown)))
    await slices.pause()
  }
  if (failures[0]) throw failures[0]
}

async function rotateIfDue(identity: Identity, name: string): Promise<void> {
  const { view, clock } = identity
  const isDue = ({ signing, nextRotation }: OidcKey): boolean => signing !== null && nextRotation <= clock.now()
  const hasExpired = ({ retired }: OidcKey): boolean => retired.some(({ expiresAt }) => expiresAt <= clock.now())
  const found = await view.get(atOidc.key(name), keyShape)
  if (!found || !(isDue(found) || hasExpired(found))) return
  const pairs = new FreshPairs(identity)
  await view.transaction(async (tx) => {
    const key = await tx.get(atOidc.key(name), keyShape)
    if (!key) return
    if (isDue(key)) tx.put(atOidc.key(name), await rotated(key, pairs, clock.now()))
    else if (hasExpired(key))
      tx.put(atOidc.key(name), { ...key, retired: key.retired.filter(({ expiresAt }) => expiresAt > clock.now()) })
  })
}
