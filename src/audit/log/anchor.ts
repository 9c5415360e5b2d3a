import { readFileSync } from 'node:fs'
import type { View } from '../../contract/view.ts'
import type { Head } from './state.ts'
import {
  isCount,
  isFlag,
  isMapOf,
  isName,
  isObject,
  isOneOf,
  isText,
  orAbsent,
  shapeOf,
} from '../../util/stored/shape.ts'

/** The record of the heads, below the audit folder. */
export const headsName = 'heads'

/** The storage's record of a device's log. */
export interface Anchor extends Head {
  /** The live file's path. */
  readonly target: string
  /** False once the device was disabled or its log was abandoned: then the log is not required. */
  readonly active: boolean
  /** Size of the newest checkpoint in a checkpoint file; absent: there is none yet. */
  readonly signed?: number
}

/** The heads of all logs, as they change in one commit with every other record. */
export interface Heads {
  readonly format: 1
  /** Counts the unseals of this storage. */
  readonly epoch: number
  /** The start of the machine: lines that only its kernel had are lost after a restart. Absent if unknown. */
  readonly boot?: string
  readonly devices: Readonly<Record<string, Anchor>>
}

/** The shape of that record. An anchor is compared with the log itself. */
const headsShape = shapeOf<Heads>('heads of audit logs', {
  format: isOneOf(1),
  epoch: isCount,
  boot: orAbsent(isText),
  devices: isMapOf(isAnchor),
})

function isAnchor(value: unknown): boolean {
  return isObject(value) && isName(value['log']) && isText(value['target']) && isFlag(value['active'])
}

/** The stored heads; none before the first unseal. */
export async function storedHeads(view: View): Promise<Heads> {
  return (await view.get(headsName, headsShape)) ?? { format: 1, epoch: 0, devices: {} }
}

/** The id of this start of the machine (Linux), or undefined. */
export function bootId(): string | undefined {
  try {
    return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()
  } catch {
    return undefined
  }
}
