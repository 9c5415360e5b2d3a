import { readFileSync } from 'node:fs'
import type { SealSettings, StaticSealSettings, TransitSealSettings } from '../contract/seal.ts'
import type { HclItem, HclValue } from '../util/hcl/values.ts'
import { fromBase64, fromHex } from '../util/bytes.ts'
import { addressProblem } from '../util/http/provider.ts'
import { Secret } from '../util/secret.ts'
import type { Source } from './source.ts'

/** The settings of a block as they are read. */
type Settings = Readonly<Record<string, (value: HclValue) => void>>

/** A block while it is read: its settings, and what they make. */
interface Reading {
  readonly settings: Settings
  /** @throws ConfigError naming what is missing */
  readonly done: (common: { readonly name: string; readonly disabled: boolean }) => SealSettings
}

const types = { static: staticSeal, transit: transitSeal } as Readonly<
  Record<string, (source: Source, item: HclItem) => Reading>
>

/** The types of seals. */
export const sealTypes: readonly string[] = Object.keys(types)

/** `seal "type" { … }`: a seal that unseals the server. Several of them can; each has a name. */
export function sealsOf(
  source: Source,
  value: HclValue,
  item: HclItem,
  before: readonly SealSettings[],
): SealSettings[] {
  const seals = [...before]
  source.eachBlock(value, item, (type, body) => {
    const reading = Object.hasOwn(types, type) ? types[type]?.(source, item) : undefined
    if (!reading)
      throw source.wrong(
        item.at,
        `seal "${type}" is not known; this server has: ${Object.keys(types).join(', ')}. Without a seal block, key shares unseal it`,
      )
    const common = { name: type, disabled: false }
    const settings: Settings = {
      ...reading.settings,
      name: (inner) => void (common.name = source.string(inner, 'name')),
      disabled: (inner) => void (common.disabled = source.bool(inner, 'disabled')),
    }
    source.each(source.items(body, 'seal'), (inner) => source.setting(settings, inner, `seal "${type}"`)(inner.value))
    if (seals.some(({ name }) => name === common.name))
      throw source.wrong(item.at, `there is a seal named "${common.name}" already: give this one another name = "…"`)
    seals.push(reading.done(common))
  })
  return seals
}

/** `recovery_keys`: what recovery shares are for. */
export function recoveryUnseals(source: Source, value: HclValue): boolean {
  const word = source.string(value, 'recovery_keys')
  if (word === 'unseal' || word === 'authorize') return word === 'unseal'
  throw source.wrong(
    value.at,
    'recovery_keys is "authorize" (they allow operations, but the seal must be reachable) or "unseal" (they also unseal the server when every seal is lost)',
  )
}

function staticSeal(source: Source, { at }: HclItem): Reading {
  const draft: { id?: string; key?: Secret<string>; previousId?: string; previous?: Secret<string> } = {}
  return {
    settings: {
      current_key_id: (value) => void (draft.id = source.string(value, 'current_key_id')),
      current_key: (value) => void (draft.key = keyOf(source, value, 'current_key')),
      previous_key_id: (value) => void (draft.previousId = source.string(value, 'previous_key_id')),
      previous_key: (value) => void (draft.previous = keyOf(source, value, 'previous_key')),
    },
    done: (common): StaticSealSettings => {
      const { id, key, previousId, previous } = draft
      if (id === undefined || !key) throw source.wrong(at, 'seal "static" needs current_key_id and current_key')
      if ((previousId === undefined) !== (previous === undefined))
        throw source.wrong(at, 'seal "static": previous_key and previous_key_id belong together')
      if (previousId === id) throw source.wrong(at, 'seal "static": current_key_id and previous_key_id are the same')
      const older = previous && previousId !== undefined ? { previous: { id: previousId, key: previous } } : {}
      return { type: 'static', ...common, current: { id, key }, ...older }
    },
  }
}

function transitSeal(source: Source, { at }: HclItem): Reading {
  const draft: Partial<Record<'address' | 'key_name' | 'mount_path' | 'namespace' | 'tls_ca_cert', string>> = {}
  let token: Secret<string> | undefined
  let renews = true
  const text = (name: keyof typeof draft) => (value: HclValue) => void (draft[name] = source.string(value, name))
  return {
    settings: {
      address: (value) => {
        draft.address = source.string(value, 'address')
        const problem = addressProblem(draft.address)
        if (problem !== undefined) throw source.wrong(value.at, `address: ${problem}`)
      },
      key_name: text('key_name'),
      mount_path: (value) => {
        draft.mount_path = source.string(value, 'mount_path').replace(/^\/+|\/+$/g, '')
        if (draft.mount_path === '')
          throw source.wrong(value.at, 'mount_path is the path of the transit engine, such as "transit"')
      },
      namespace: text('namespace'),
      tls_ca_cert: text('tls_ca_cert'),
      token: (value) => {
        const content = contentOf(source, value, 'token').toString('utf8').trim()
        if (content === '') throw source.wrong(value.at, 'token: it is empty')
        token = new Secret(content)
      },
      disable_renewal: (value) => void (renews = !source.bool(value, 'disable_renewal')),
    },
    done: (common): TransitSealSettings => {
      const { address, key_name: key, mount_path: mount = 'transit', namespace = '', tls_ca_cert: caFile } = draft
      const given = token ?? tokenOfEnvironment()
      if (address === undefined || key === undefined || !given)
        throw source.wrong(
          at,
          'seal "transit" needs address, key_name and token (token = "file:///run/…", "env://NAME", or BAO_TOKEN or VAULT_TOKEN in the environment)',
        )
      const place = { address, key, mount, namespace }
      return { type: 'transit', ...common, ...place, token: given, renews, ca: caFile === undefined ? '' : fileOf(source, at, caFile, 'tls_ca_cert').toString('utf8') } // prettier-ignore
    },
  }
}

function tokenOfEnvironment(): Secret<string> | undefined {
  const token = process.env['BAO_TOKEN'] || process.env['VAULT_TOKEN']
  return token ? new Secret(token) : undefined
}

/** A key of 32 bytes, as base64: given as base64 or hex, by a variable (`env://NAME`), or as a file (`file:///path`) that may have the bytes themselves. */
function keyOf(source: Source, value: HclValue, name: string): Secret<string> {
  const content = contentOf(source, value, name)
  const text = content.toString('latin1').trim()
  const key = content.length === 32 ? content : (fromHex(text) ?? fromBase64(text))
  if (key?.length === 32) return new Secret(Buffer.from(key).toString('base64'))
  throw source.wrong(
    value.at,
    `${name} is no key of 32 bytes; generate one with: openssl rand -out /etc/strongroom/unseal.key 32, and write ${name} = "file:///etc/strongroom/unseal.key"`,
  )
}

/** What a setting says, or the variable or the file that it names. */
function contentOf(source: Source, value: HclValue, name: string): Buffer {
  const text = source.string(value, name)
  if (text.startsWith('file://')) return fileOf(source, value.at, text.slice('file://'.length), name)
  if (!text.startsWith('env://')) return Buffer.from(text)
  const content = process.env[text.slice('env://'.length)]
  if (content !== undefined && content !== '') return Buffer.from(content)
  throw source.wrong(value.at, `${name}: the environment has no variable ${text.slice('env://'.length)}`)
}

function fileOf(source: Source, at: HclItem['at'], path: string, name: string): Buffer {
  source.names(path, name)
  try {
    return readFileSync(path)
  } catch (thrown) {
    const code = (thrown as NodeJS.ErrnoException).code ?? 'unknown'
    throw source.wrong(
      at,
      `${name}: ${path} cannot be read (${code}); check that it exists and that this user may read it`,
    )
  }
}
