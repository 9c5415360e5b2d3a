import { plainKeys } from '../../contract/barrier.ts'
import { BrokenRecord } from '../frame.ts'
import type { Names } from '../names.ts'

/**
 * How a record is covered: with its whole folder, in a bucket, or not at all. This applies to everything `below`; and
 * nothing below `apart` is covered with a whole folder.
 */
type Cover =
  | { readonly by: 'folder'; readonly folder: string }
  | { readonly by: 'bucket'; readonly bucket: string; readonly below: string; readonly apart: string }
  | { readonly by: 'nothing'; readonly below: string; readonly apart: string }

/**
 * A string is a folder that is checked as a whole; a number is how many characters of the next encrypted name select a bucket.
 */
type Rule = string | number | Rules
interface Rules {
  readonly [segment: string]: Rule
}

/** 64 buckets in the folders of a mount, 4096 for folders with millions of records. */
const [few, many] = [1, 2]
const other = '*'
/** Folders remembered. */
const most = 20_000

/** Security-relevant records of engines, for all engines. Not: values of secrets (`secret/`, `value/`), cubbyholes. */
const mount: Rules = {
  [other]: {
    key: few,
    used: few,
    role: few,
    user: few,
    'role-id': few,
    'secret-id': many,
    accessor: few,
    config: few,
    rotation: few,
    purge: few,
    upgraded: few,
    uuid: few,
    alias: few,
    entity: many,
    'entity-name': many,
    'entity-merged': few,
    'entity-group': many,
    'alias-name': { [other]: many },
    group: few,
    'group-name': few,
    'group-alias': few,
    'group-alias-name': { [other]: few },
    'group-member': many,
    'group-parent': few,
    'group-cleanup': few,
  },
}

/** The guarantees of `docs/threat-model.md`, by the plaintext names of docs/formats.md. Other records are not covered. */
const rules: Rules = {
  mounts: 'mounts',
  mount,
  core: {
    audit: 'core/audit',
    namespace: 'core/namespace',
    policy: 'core/policy',
    quota: 'core/quota',
    token: {
      keys: 'core/token',
      condemned: 'core/token',
      doomed: 'core/token',
      id: many,
      accessor: many,
      lease: many,
      namespace: { [other]: { accessor: few, lease: few } },
    },
    [other]: 'core',
  },
  namespace: { [other]: { mounts: 'namespace', mount, core: { [other]: 'namespace' } } },
}

/** Determines how a storage key is covered. */
export class Coverage {
  readonly #names: Names
  /** The rule for everything directly in a folder. */
  readonly #found = new Map<string, Found>()

  constructor(names: Names) {
    this.#names = names
  }

  of(key: string): Cover {
    if (key === plainKeys.seal || key === plainKeys.keyring) return { by: 'folder', folder: 'seal and keyring' }
    const folder = key.slice(0, key.lastIndexOf('/') + 1)
    const found = this.#found.get(folder) ?? this.#find(key)
    // A rule that matched a parent folder applies to everything in it.
    if (found.below.length <= folder.length) this.#remember(folder, found)
    const { rule, below, apart } = found
    if (typeof rule === 'string') return { by: 'folder', folder: rule }
    if (rule === undefined) return { by: 'nothing', below, apart }
    return { by: 'bucket', bucket: key.slice(0, below.length + rule), below, apart }
  }

  /** The plain name of the folder that a bucket is of. */
  folderOf(bucket: string): string {
    const folders = bucket.split('/').slice(1, -1)
    let [plain, parent] = ['', 'e/']
    for (const folder of folders) {
      plain += this.#names.decrypt(parent, `${parent}${folder}/`)
      parent += `${folder}/`
    }
    return plain
  }

  #remember(folder: string, found: Found): void {
    if (this.#found.size >= most) this.#found.clear()
    this.#found.set(folder, found)
  }

  #find(key: string): Found {
    let at: Rules = rules
    let apart: string | undefined
    for (let parent = 'e/'; key.startsWith(parent);) {
      const cut = key.indexOf('/', parent.length)
      const below = cut < 0 ? key : key.slice(0, cut + 1)
      const name = this.#plain(parent, below)
      const rule = name === undefined ? undefined : Object.hasOwn(at, name) ? at[name] : at[other]
      if (!hasFolders(rule)) apart ??= below
      if (typeof rule !== 'object') return { rule, below, apart: apart ?? below }
      if (cut < 0) return { rule: undefined, below, apart: apart ?? below }
      at = rule
      parent = below
    }
    return { rule: undefined, below: key, apart: key }
  }

  /** Undefined for a name of another store, which no request can name. */
  #plain(parent: string, key: string): string | undefined {
    try {
      return this.#names.decrypt(parent, key).replace(/\/$/, '')
    } catch (thrown) {
      if (thrown instanceof BrokenRecord) return undefined
      throw thrown
    }
  }
}

interface Found {
  readonly rule: string | number | undefined
  readonly below: string
  readonly apart: string
}

function hasFolders(rule: Rule | undefined): boolean {
  return typeof rule === 'string' || (typeof rule === 'object' && Object.values(rule).some(hasFolders))
}
