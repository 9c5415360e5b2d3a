import type { StaticSealSettings } from '../../contract/seal.ts'
import { fromBase64, fromHex } from '../../util/bytes.ts'
import type { HclItem, HclValue } from '../../util/hcl/values.ts'
import { Secret } from '../../util/secret.ts'
import type { Source } from '../source.ts'
import { contentOf } from './content.ts'
import type { Reading } from './reading.ts'

/** `seal "static"`. */
export function staticSeal(source: Source, { at }: HclItem): Reading {
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
