import type { Pkcs11SealSettings } from '../../contract/seal.ts'
import type { HclItem, HclValue } from '../../util/hcl/values.ts'
import type { Secret } from '../../util/secret.ts'
import type { Source } from '../source.ts'
import { ofEnvironment, secretOf, secretOfEnvironment } from './content.ts'
import { strings } from './reading.ts'
import type { Reading } from './reading.ts'

const names = ['lib', 'slot', 'token_label', 'key_label', 'key_id', 'mechanism', 'rsa_oaep_hash'] as const

const mechanisms: Readonly<Record<string, Pkcs11SealSettings['mechanism']>> = {
  CKM_AES_GCM: 'aes-gcm',
  AES_GCM: 'aes-gcm',
  '0x1087': 'aes-gcm',
  '4231': 'aes-gcm',
  CKM_RSA_PKCS_OAEP: 'rsa-oaep',
  RSA_PKCS_OAEP: 'rsa-oaep',
  '0x0009': 'rsa-oaep',
  '0x9': 'rsa-oaep',
  '9': 'rsa-oaep',
}
const hashes = ['sha1', 'sha224', 'sha256', 'sha384', 'sha512'] as const

/** `seal "pkcs11"`. What the block leaves out comes from the environment: `BAO_HSM_LIB` or `VAULT_HSM_LIB` for `lib`. */
export function pkcs11Seal(source: Source, { at }: HclItem): Reading {
  const { draft, settings } = strings(source, names)
  let pin: Secret<string> | undefined
  return {
    settings: {
      ...settings,
      pin: (value: HclValue) => void (pin = secretOf(source, value, 'pin')),
      generate_key: (value: HclValue) => {
        if (!source.bool(value, 'generate_key')) return
        throw source.wrong(
          value.at,
          'generate_key: this server creates no keys in an HSM; create one, for example with pkcs11-tool --keygen --key-type AES:32 --label …, and leave the setting out',
        )
      },
    },
    done: (common): Pkcs11SealSettings => {
      const read = (name: (typeof names)[number]) => draft[name] ?? ofEnvironment(...variables(name))
      const wrong = (message: string) => source.wrong(at, `seal "pkcs11": ${message}`)
      const given = pin ?? secretOfEnvironment(...variables('pin'))
      const [lib, tokenLabel, keyLabel] = [read('lib'), read('token_label'), read('key_label')]
      const slot = slotOf(read('slot'), wrong)
      const keyId = keyIdOf(read('key_id'), wrong)
      if (lib === undefined || !given || (slot === undefined && tokenLabel === undefined))
        throw wrong('it needs lib, token_label or slot, and pin (pin = "file:///run/…" or "env://NAME"; or BAO_HSM_LIB, BAO_HSM_TOKEN_LABEL, BAO_HSM_PIN in the environment)') // prettier-ignore
      if (keyLabel === undefined && keyId === undefined) throw wrong('it needs key_label or key_id')
      return {
        type: 'pkcs11',
        ...common,
        lib,
        pin: given,
        ...(slot !== undefined && { slot }),
        ...(tokenLabel !== undefined && { tokenLabel }),
        key: { label: keyLabel ?? '', id: keyId ?? '' },
        ...mechanismOf(read('mechanism'), wrong),
        oaepHash: hashOf(read('rsa_oaep_hash'), wrong),
      }
    },
  }
}

const variables = (name: string): readonly string[] =>
  ['BAO', 'VAULT'].map((product) => `${product}_HSM_${name.toUpperCase()}`)

type Wrong = (message: string) => Error

function slotOf(slot: string | undefined, wrong: Wrong): string | undefined {
  if (slot === undefined || /^(?:0x[0-9a-fA-F]{1,16}|\d{1,20})$/.test(slot))
    return slot === undefined ? undefined : String(BigInt(slot))
  throw wrong('slot is the number of a slot, decimal or with 0x')
}

function keyIdOf(id: string | undefined, wrong: Wrong): string | undefined {
  if (id === undefined || /^(?:0x)?(?:[0-9a-fA-F]{2})+$/.test(id)) return id?.replace(/^0x/, '').toLowerCase()
  throw wrong('key_id is hexadecimal, two digits for each byte')
}

function mechanismOf(text: string | undefined, wrong: Wrong): Pick<Pkcs11SealSettings, 'mechanism'> {
  if (text === undefined) return {}
  const mechanism = Object.hasOwn(mechanisms, text) ? mechanisms[text] : undefined
  if (mechanism !== undefined) return { mechanism }
  throw wrong('mechanism is 0x1087 (CKM_AES_GCM) or 0x0009 (CKM_RSA_PKCS_OAEP): others do not notice changed data')
}

function hashOf(text: string | undefined, wrong: Wrong): Pkcs11SealSettings['oaepHash'] {
  const hash = text === undefined ? 'sha256' : hashes.find((one) => one === text.toLowerCase())
  if (hash !== undefined) return hash
  throw wrong(`rsa_oaep_hash is one of ${hashes.join(', ')}`)
}
