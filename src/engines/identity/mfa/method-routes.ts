import { Fault, refuse } from '../../../contract/fault.ts'
import { f } from '../../../contract/field.ts'
import type { Values } from '../../../contract/field.ts'
import { answer, done } from '../../../contract/response.ts'
import type { Response } from '../../../contract/response.ts'
import { routesOf } from '../../../contract/route.ts'
import type { Call } from '../../../contract/route.ts'
import type { Transaction } from '../../../contract/view.ts'
import type { Identity } from '../identity.ts'
import { isId } from '../names.ts'
import { pointerShape } from '../records.ts'
import { infoOf, listed, mustExist } from '../routes/shared.ts'
import { enforcementsIn } from './demands.ts'
import { checkedMethod, checkedMethodName, methodsIn, defaultAttempts } from './methods.ts'
import { atMfa, methodShape } from './records.ts'
import type { MethodRecord } from './records.ts'

const { read, list, write, remove } = routesOf<Identity>()

const methodId = { method_id: f.string('Id of the method.').or('') }
const settings = {
  method_name: f.string('A name that can stand for the id where a passcode is sent.'),
  issuer: f.string('The organisation that authenticator apps show.').or(''),
  period: f.duration('How long a code is valid.').or(30),
  key_size: f.int('The size of the keys in bytes.').or(20),
  qr_size: f.int('The width and height of the barcode in pixels; 0: none.').or(200),
  algorithm: f.string('SHA1, SHA256 or SHA512.').or('SHA1'),
  digits: f.int('The digits of a code: 6 or 8.').or(6),
  skew: f.int('How many periods before and after the current one are accepted: 0 or 1.').or(1),
  max_validation_attempts: f.int('Wrong codes of an entity that lock the method for it; 0: 5.').or(defaultAttempts),
}
type Settings = Values<typeof settings>

const methodMembers = {
  algorithm: f.string('SHA1, SHA256 or SHA512.'),
  digits: f.int('The digits of a code.'),
  id: f.string('Its id.'),
  issuer: f.string('The organisation that authenticator apps show.'),
  key_size: f.int('The size of the keys in bytes.'),
  max_validation_attempts: f.int('Wrong codes of an entity that lock the method for it.'),
  name: f.string('Its name; empty: none.'),
  namespace_id: f.string('Its namespace.'),
  namespace_path: f.string('The path of that.'),
  period: f.int('How long a code is valid, seconds.'),
  qr_size: f.int('The width and height of the barcode in pixels.'),
  skew: f.int('How many periods before and after the current one are accepted.'),
  type: f.string('Always totp.'),
}

/** `mfa/method` and `mfa/method/totp`. */
export const methodRoutes = [
  list('mfa/method', {
    about: 'List the MFA methods of this namespace and of those above.',
    returns: listed,
    handle: async ({ engine }) => listMethods(engine),
  }),
  read('mfa/method/:method_id', {
    about: 'Read an MFA method.',
    alias: ({ method_id: named = '' }) => `mfa/method/totp/${named}`,
    fields: methodId,
    returns: methodMembers,
    handle: async ({ engine }, { method_id: named }) => show(engine, named),
  }),
  write('mfa/method/:method_id', {
    about: 'Refused: the only type of methods is totp, at mfa/method/totp.',
    fields: methodId,
    handle: () => {
      throw refuse('there is no such type of MFA methods here: the only one is totp, at identity/mfa/method/totp')
    },
  }),
  list('mfa/method/totp', {
    about: 'List the TOTP methods of this namespace and of those above.',
    returns: listed,
    handle: async ({ engine }) => listMethods(engine),
  }),
  write('mfa/method/totp', {
    about: 'Create a TOTP method, or change the one of that name.',
    fields: settings,
    returns: { method_id: f.string('Its id.') },
    handle: async (call, values) => answer({ method_id: await writeMethod(call, values) }),
  }),
  read('mfa/method/totp/:method_id', {
    about: 'Read a TOTP method.',
    alias: ({ method_id: named = '' }) => `mfa/method/${named}`,
    fields: methodId,
    returns: methodMembers,
    handle: async ({ engine }, { method_id: named }) => show(engine, named),
  }),
  write('mfa/method/totp/:method_id', {
    about: 'Replace the settings of a TOTP method. Keys that were generated keep theirs.',
    fields: { ...methodId, ...settings },
    handle: async (call, values) => {
      await writeMethod(call, values, values.method_id)
      return done()
    },
  }),
  remove('mfa/method/totp/:method_id', {
    about: 'Remove a TOTP method. One that an enforcement of this namespace uses stays.',
    fields: methodId,
    handle: async ({ engine }, { method_id: named }) => removeMethod(engine, named),
  }),
]

async function listMethods(identity: Identity): Promise<Response> {
  const found: (readonly [string, unknown])[] = []
  for (const home of [identity, ...identity.above()])
    for (const method of await methodsIn(home.view)) found.push([method.id, shown(home, method)])
  if (found.length === 0) throw new Fault('not_found', 'no MFA methods')
  return answer(infoOf(found))
}

async function show(identity: Identity, named: string): Promise<Response> {
  for (const home of [identity, ...identity.above()]) {
    const method = isId(named) ? await home.view.get(atMfa.method(named), methodShape) : undefined
    if (method) return answer(shown(home, method))
  }
  return mustExist<Response>(undefined)
}

function shown({ namespace, path }: Identity, { keySize, qrSize, maxAttempts, ...others }: MethodRecord) {
  return {
    ...others,
    type: 'totp',
    key_size: keySize,
    qr_size: qrSize,
    max_validation_attempts: maxAttempts,
    namespace_id: namespace,
    namespace_path: path(),
  }
}

/** @param existingId the id of the method to change; undefined: that of the name, or a new one */
async function writeMethod(call: Call<Identity>, values: Settings, existingId?: string): Promise<string> {
  const { engine, caller, mountPath } = call
  const checked = checkedMethod(values)
  const name = checkedMethodName(values.method_name ?? '')
  return engine.view.transaction(async (tx) => {
    const owner = name === '' ? undefined : await tx.get(atMfa.methodName(name), pointerShape)
    const old = await methodToChange(tx, existingId ?? owner?.id)
    if (existingId !== undefined && !old)
      throw refuse(`configuration for method ID "${existingId}" does not exist in this namespace`)
    if (owner && owner.id !== old?.id) throw refuse(`the name "${name}" belongs to another method`)
    if (old && caller.denies(`${mountPath}mfa/method/totp/${old.id}`))
      throw new Fault('permission_denied', 'permission denied')
    const next = {
      ...checked,
      id: old?.id ?? engine.uuid(),
      name: values.method_name === undefined ? (old?.name ?? '') : name,
    }
    putMethod(tx, old, next)
    return next.id
  })
}

async function methodToChange(tx: Transaction, id: string | undefined): Promise<MethodRecord | undefined> {
  return id === undefined || !isId(id) ? undefined : tx.get(atMfa.method(id), methodShape)
}

function putMethod(tx: Transaction, old: MethodRecord | undefined, next: MethodRecord): void {
  if (old && old.name !== '' && old.name !== next.name) tx.del(atMfa.methodName(old.name))
  if (next.name !== '' && next.name !== old?.name) tx.put(atMfa.methodName(next.name), { id: next.id })
  tx.put(atMfa.method(next.id), next)
}

async function removeMethod(identity: Identity, named: string): Promise<Response> {
  if (!isId(named)) return done()
  await identity.view.transaction(async (tx) => {
    const method = await tx.get(atMfa.method(named), methodShape)
    if (!method) return
    // Whoever makes an enforcement with it at the same time begins again.
    tx.unchanged('mfa-enforcement/')
    const user = (await enforcementsIn(identity)).find(({ methods }) => methods.includes(named))
    if (user) throw refuse(`methodID is still used by the enforcement configuration ${user.name}: change that first`)
    tx.del(atMfa.method(named))
    if (method.name !== '') tx.del(atMfa.methodName(method.name))
  })
  return done()
}
