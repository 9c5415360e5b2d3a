import { refuse } from '../contract/fault.ts'
import type { KeyRecord } from './record.ts'

// The transitions of a key: docs/key-lifecycle.md. Each returns the same record if there is nothing to change.

/** Refuses all use until it is restored. `purgeAfter`: seconds until it is destroyed; 0: never by itself. */
export function softDeleted(key: KeyRecord, now: number, purgeAfter: number): KeyRecord {
  if (key.state.is === 'soft-deleted') return key
  const time = purgeAfter === 0 ? null : now + purgeAfter * 1000
  return { ...key, state: { is: 'soft-deleted', deletedAt: now, purgeAt: time, before: key.state.is } }
}

/**
 * The key in the state before its deletion. @throws Fault invalid_request after its purge time: it may be removed at any moment.
 */
export function restored(key: KeyRecord, now: number): KeyRecord {
  if (key.state.is !== 'soft-deleted') return key
  if (isPurged(key, now)) throw refuse('the time to restore this key has passed: it is being destroyed')
  return { ...key, state: { is: key.state.before } }
}

/** Allows use again, or refuses it. @throws Fault invalid_request for a soft-deleted key. */
export function switched(key: KeyRecord, to: 'enabled' | 'disabled'): KeyRecord {
  if (key.state.is === to) return key
  if (key.state.is === 'soft-deleted') throw refuse('the key is soft-deleted: restore it first')
  return { ...key, state: { is: to } }
}

/** When a key is to be destroyed, epoch milliseconds; undefined for never. */
export function purgeAt({ state }: KeyRecord): number | undefined {
  return state.is === 'soft-deleted' && state.purgeAt !== null ? state.purgeAt : undefined
}

/** Whether the time of a soft-deleted key has passed. */
export function isPurged(key: KeyRecord, now: number): boolean {
  return (purgeAt(key) ?? Infinity) <= now
}
