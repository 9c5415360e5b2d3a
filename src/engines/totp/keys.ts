import { Fault } from '../../contract/fault.ts'
import { f } from '../../contract/field.ts'
import { answer, done } from '../../contract/response.ts'
import { routesOf } from '../../contract/route.ts'
import { namesIn, pageFields } from '../../contract/wire/page.ts'
import { keys } from '../../contract/wire/returns.ts'
import { barcodeOf } from '../../crypto/one-time/barcode.ts'
import { keyUrl } from '../../crypto/one-time/url.ts'
import { keyFields, keyOf, keyShape, name, newKey, rendered, shownFields } from './key.ts'
import type { Totp } from './mount.ts'

const { read, list, write, remove } = routesOf<Totp>()

/** `keys`, `keys/:name`. */
export const keyRoutes = [
  list('keys', {
    about: 'List the keys.',
    returns: keys('The names.'),
    fields: pageFields,
    handle: async ({ engine }, page) => answer({ keys: await namesIn(engine.view, 'key/', 'no keys', page) }),
  }),
  read('keys/:name', {
    about: 'Read the settings of a key, without the key itself.',
    fields: name,
    returns: shownFields,
    handle: async ({ engine }, values) => {
      const key = await engine.view.get(keyOf(values.name), keyShape)
      if (!key) throw new Fault('not_found', 'no such key')
      return answer(rendered(key))
    },
  }),
  write('keys/:name', {
    about: 'Generate or import a key. One of that name is replaced.',
    fields: { ...name, ...keyFields },
    returns: {
      barcode: f.string('The URL as a QR code: a PNG in base64.'),
      url: f.string('The otpauth:// URL, which contains the key.'),
    },
    handle: async ({ engine }, values) => {
      const place = keyOf(values.name)
      const key = newKey(values, engine.random)
      const url = values.generate && values.exported ? keyUrl(key, key.issuer, key.accountName) : undefined
      const barcode = url !== undefined && values.qr_size > 0 ? await barcodeOf(url, values.qr_size) : undefined
      await engine.view.put(place, key)
      return url === undefined ? done() : answer({ ...(barcode !== undefined && { barcode }), url })
    },
  }),
  remove('keys/:name', {
    about: 'Remove a key.',
    fields: name,
    handle: async ({ engine }, values) => {
      await engine.view.del(keyOf(values.name))
      return done()
    },
  }),
]
