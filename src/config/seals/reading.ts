import type { SealSettings } from '../../contract/seal.ts'
import type { HclItem, HclValue } from '../../util/hcl/values.ts'
import type { Source } from '../source.ts'

/** The settings of a block as they are read. */
export type Settings = Readonly<Record<string, (value: HclValue) => void>>

/** A block while it is read: its settings, and what they make. */
export interface Reading {
  readonly settings: Settings
  /** @throws ConfigError naming what is missing */
  readonly done: (common: { readonly name: string; readonly disabled: boolean }) => SealSettings
}

/** Settings that are strings, and setters for them. */
export function strings<N extends string>(source: Source, names: readonly N[]) {
  const draft: Partial<Record<N, string>> = {}
  const settings = Object.fromEntries(
    names.map((name) => [name, (value: HclValue) => void (draft[name] = source.string(value, name))]),
  ) as Readonly<Record<N, (value: HclValue) => void>>
  return { draft, settings }
}

/** Reads the block of a kind of seal. */
export type ReadSeal = (source: Source, item: HclItem) => Reading
