import { defineEngine } from '../../../src/contract/engine.ts'
import type { Engine } from '../../../src/contract/engine.ts'
import { Fault, refuse } from '../../../src/contract/fault.ts'
import { f } from '../../../src/contract/field.ts'
import { answer } from '../../../src/contract/response.ts'
import { routesOf } from '../../../src/contract/route.ts'
import type { Call } from '../../../src/contract/route.ts'
import type { LiveKey } from '../../../src/keys/live-key.ts'
import { sign, verify } from '../../../src/keys/operations/signing.ts'
import { mustBeAllowed } from '../../../src/keys/permission.ts'
import type { KeyOperation } from '../../../src/keys/permission.ts'
import type { KeyStore } from '../../../src/keys/store.ts'
import type { EnginePorts } from '../../../src/server/engines.ts'

interface State {
  readonly keys: () => KeyStore | undefined
}

const mount = 'transit/'
const { write } = routesOf<State>()
const fields = {
  key: f.string('The uuid or an alias of a key.').or(''),
  message: f.string('In hexadecimal digits.').or(''),
  envelope: f.any('What encrypt or sign gave.'),
}
const enveloped = { envelope: f.object('Version and bytes.') }
const options = { hash: 'sha2-256', prehashed: false, padding: 'pss', salt: 'hash', jws: true, context: '' } as const
const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')
const bytesOf = (digits: unknown): Uint8Array => {
  if (typeof digits !== 'string' || !/^(?:[\da-f]{2})*$/.test(digits)) throw refuse('hexadecimal digits are needed')
  return Buffer.from(digits, 'hex')
}
const opened = (envelope: unknown) => {
  const { version, bytes } = (envelope ?? {}) as { readonly version?: unknown; readonly bytes?: unknown }
  if (!Number.isSafeInteger(version)) throw refuse('the envelope has no version')
  return { version: version as number, bytes: bytesOf(bytes) }
}

async function keyFor({ engine, caller }: Call<State>, id: string, operation: KeyOperation): Promise<LiveKey> {
  const keys = engine.keys()
  const key = (await keys?.byUuid(id)) ?? (await keys?.byAlias(id))
  if (!key) throw new Fault('permission_denied', 'permission denied')
  mustBeAllowed(caller, { mount, operation, name: key.record.name })
  return key
}

/** An engine for tests: it encrypts and signs with the keys of `transit/`, by uuid and by alias, in hexadecimal digits. */
export function viewEngine({ keysOf }: EnginePorts): Engine {
  return defineEngine<State>({
    type: 'view',
    kind: 'secret',
    about: 'Keys of another mount, for tests.',
    start: ({ namespace }) => ({ keys: () => keysOf(namespace, mount) }),
    routes: [
      write('encrypt/:key', {
        about: 'Encrypt.',
        returns: enveloped,
        pure: true,
        fields,
        handle: async (call, { key, message }) => {
          const live = await keyFor(call, key, 'encrypt')
          const made = await live.encrypt(bytesOf(message), 0, { view: 'test' }, call.beforeChange)
          return answer({ envelope: { version: made.version, bytes: hex(made.bytes) } })
        },
      }),
      write('decrypt/:key', {
        about: 'Decrypt.',
        returns: { message: fields.message },
        pure: true,
        fields,
        handle: async (call, { key, envelope }) => {
          const live = await keyFor(call, key, 'decrypt')
          return answer({ message: hex(await live.decrypt(opened(envelope), { view: 'test' })) })
        },
      }),
      write('sign/:key', {
        about: 'Sign.',
        returns: enveloped,
        pure: true,
        fields,
        handle: async (call, { key, message }) => {
          const made = await sign(await keyFor(call, key, 'sign'), bytesOf(message), 0, options)
          return answer({ envelope: { version: made.version, bytes: hex(made.bytes) } })
        },
      }),
      write('verify/:key', {
        about: 'Verify.',
        returns: { valid: f.bool('It is the signature of the message.') },
        pure: true,
        fields,
        handle: async (call, { key, message, envelope }) => {
          const live = await keyFor(call, key, 'verify')
          return answer({ valid: await verify(live, bytesOf(message), opened(envelope), options) })
        },
      }),
    ],
  })
}
