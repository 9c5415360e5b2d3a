import { changedMeanwhile } from '../../../contract/engine.ts'
import type { AskedOfMount, Recoverable, Recovery } from '../../../contract/engine.ts'
import { refuse } from '../../../contract/fault.ts'
import type { Transaction, View } from '../../../contract/view.ts'
import { writeJson } from '../../../util/json.ts'
import type { Json } from '../../../util/json.ts'
import { Slices } from '../../../util/slices.ts'
import { secretAt, valuesShape } from '../names.ts'
import { recordName, valueName } from './record-names.ts'
import { mostDropped, secretShape, settingsView } from './record.ts'
import type { SecretRecord } from './record.ts'
import type { Secrets } from './secrets.ts'

/** So many versions, and so many bytes of them, are written in one commit. */
const most = { versions: 10, bytes: 512 * 1024 } as const

const asked = (operation: AskedOfMount['operation'], path: string, data = {}): AskedOfMount => ({
  operation,
  path,
  data,
})

/** Recovers a secret with all its versions and its metadata, or one version of it as a new version. */
export const recovery: Recovery<Secrets> = {
  nameOf: (path) => secretAt(/^(?:data|metadata)\/(.*)$/.exec(path)?.[1] ?? ''),
  example: 'data/app/db',
  exists: async (engine, name) => (await engine.find(name)) !== undefined,
  find: async (from, name, version) => {
    const secret = await from.get(recordName(name), secretShape)
    if (!secret) return undefined
    return version === undefined ? wholeSecret(from, secret, name) : oneVersion(from, secret, { name, version })
  },
}

async function oneVersion(
  from: View,
  secret: SecretRecord,
  { name, version }: { readonly name: string; readonly version: number },
): Promise<Recoverable<Secrets>> {
  if (!secret.versions[version])
    throw refuse(`the secret has no version ${version} in the snapshot; it had ${numbersOf(secret)}`)
  const data = await valuesOf(from, secret, version)
  if (!data) throw refuse(`version ${version} of the secret was destroyed before the snapshot was made`)
  return {
    reads: [asked('read', `data/${name}`, { version })],
    writes: ({ name: to, exists }) => [{ operation: exists ? 'update' : 'create', path: `data/${to}`, data: { data } }],
    write: async (engine, { name: to, exists }) => {
      await engine.write(to, ({ old }) => {
        if ((old !== undefined) !== exists) throw changedMeanwhile()
        return data
      })
    },
  }
}

function wholeSecret(from: View, secret: SecretRecord, name: string): Recoverable<Secrets> {
  return {
    reads: [asked('read', `data/${name}`), asked('read', `metadata/${name}`)],
    writes: ({ name: to, exists }) => writesOfAll(from, secret, { to, exists }),
    write: async (engine, { name: to, exists }) => {
      if (exists) await engine.thin(to)
      await writeWhole(engine, to, exists, { from, secret })
    },
  }
}

/** Every version is asked about: rules about parameters see all that is written. What cannot be read is known before anything is. */
async function* writesOfAll(
  from: View,
  secret: SecretRecord,
  { to, exists }: { readonly to: string; readonly exists: boolean },
): AsyncGenerator<AskedOfMount> {
  const write = exists ? 'update' : 'create'
  const custom_metadata = secret.custom ?? {}
  yield asked(write, `metadata/${to}`, { ...settingsView(secret.settings), custom_metadata })
  if (exists) yield asked('delete', `metadata/${to}`)
  if (secret.current === 0) yield asked(write, `data/${to}`, { data: {} })
  const slices = new Slices()
  for (const number of Object.keys(secret.versions)) {
    yield asked(write, `data/${to}`, { data: (await valuesOf(from, secret, Number(number))) ?? {} })
    await slices.pause()
  }
}

/** The newest versions come first, with the record; a crash leaves a secret that lacks older ones. */
async function writeWhole(
  engine: Secrets,
  name: string,
  exists: boolean,
  { from, secret }: { readonly from: View; readonly secret: SecretRecord },
): Promise<void> {
  const id = engine.newId()
  let isFirst = true
  for await (const { numbers, values, isLast } of pieces(from, secret)) {
    const first = isFirst
    await engine.view.transaction(async (tx) => {
      const now = await tx.get(recordName(name), secretShape)
      if (first) removeOld(tx, now, exists)
      else if (now?.id !== id) throw changedMeanwhile()
      const base = first || !now ? { ...secret, id, versions: {} } : now
      const versions = { ...base.versions, ...versionsOf(secret, numbers) }
      const oldest = isLast ? secret.oldest : Math.min(...numbers)
      tx.put(recordName(name), { ...base, versions, oldest } satisfies SecretRecord)
      for (const [number, data] of values) tx.put(valueName({ id }, number), data)
    })
    isFirst = false
  }
}

function removeOld(tx: Transaction, old: SecretRecord | undefined, exists: boolean): void {
  if ((old !== undefined) !== exists) throw changedMeanwhile()
  if (!old) return
  const numbers = Object.keys(old.versions)
  if (numbers.length > mostDropped) throw changedMeanwhile()
  for (const number of numbers) tx.del(valueName(old, Number(number)))
}

interface VersionsPiece {
  readonly numbers: readonly number[]
  readonly values: ReadonlyMap<number, Json>
  readonly isLast: boolean
}

/** The versions of a secret with their values, in pieces for one commit each, the newest first; at least one. */
async function* pieces(from: View, secret: SecretRecord): AsyncGenerator<VersionsPiece> {
  const all = Object.keys(secret.versions).map(Number).sort((a, b) => b - a) // prettier-ignore
  let [numbers, values, bytes] = [[] as number[], new Map<number, Json>(), 0]
  for (const number of all) {
    const data = await valuesOf(from, secret, number)
    const size = data ? writeJson(data).length : 0
    if (numbers.length === most.versions || (numbers.length > 0 && bytes + size > most.bytes)) {
      yield { numbers, values, isLast: false }
      ;[numbers, values, bytes] = [[], new Map(), 0]
    }
    numbers.push(number)
    if (data) values.set(number, data)
    bytes += size
  }
  yield { numbers, values, isLast: true }
}

const versionsOf = ({ versions }: SecretRecord, numbers: readonly number[]): SecretRecord['versions'] =>
  Object.fromEntries(numbers.flatMap((number) => (versions[number] ? [[number, versions[number]]] : [])))

const numbersOf = ({ versions }: SecretRecord): string => Object.keys(versions).slice(-20).join(', ') || 'none'

/** Undefined: the version was destroyed. @throws Fault invalid_request when the values are not there */
async function valuesOf(from: View, secret: SecretRecord, number: number): Promise<Json | undefined> {
  if (secret.versions[number]?.destroyed) return undefined
  const data = await from.get(valueName(secret, number), valuesShape)
  if (!data) throw refuse(`the snapshot lacks the values of version ${number} of the secret; recover another version`)
  return data
}
