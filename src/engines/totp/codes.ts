import { refuse } from '../../contract/fault.ts'
import type { Fault } from '../../contract/fault.ts'
import { f } from '../../contract/field.ts'
import { answer } from '../../contract/response.ts'
import { routesOf } from '../../contract/route.ts'
import { formatDuration } from '../../util/duration.ts'
import { keyOf, keyShape, name } from './key.ts'
import type { Totp } from './mount.ts'
import { codeOf, counterAt, counterOf } from '../../crypto/one-time/codes.ts'

const { read, write } = routesOf<Totp>()

const unknown = (key: string): Fault => refuse(`unknown key: ${key}`)

/** `code/:name`. */
export const codeRoutes = [
  read('code/:name', {
    about: 'Generate the current code of a key.',
    fields: name,
    returns: {
      code: f.string('The code.'),
      expire_time: f.int('The end of its period, epoch seconds.'),
      generated: f.int('The current time, epoch seconds.'),
      period: f.string('How long a code is valid, as in `30s`.'),
    },
    handle: async ({ engine }, values) => {
      const key = await engine.view.get(keyOf(values.name), keyShape)
      if (!key) throw unknown(values.name)
      const now = engine.clock.now()
      const counter = counterAt(key, now)
      return answer({
        code: codeOf(key, counter),
        expire_time: (counter + 1) * key.period,
        generated: Math.floor(now / 1000),
        period: formatDuration(key.period),
      })
    },
  }),
  write('code/:name', {
    about: 'Check a code. Each is accepted once.',
    fields: { ...name, code: f.string('The code.').secret().or('') },
    returns: { valid: f.bool('Whether the code is valid.') },
    handle: async ({ engine }, values) => answer({ valid: await isValid(engine, values.name, values.code) }),
  }),
]

/** Checks a code, and uses it up in the same commit. @throws Fault invalid_request for a code that cannot be one, or that was sent before */
async function isValid(engine: Totp, named: string, code: string): Promise<boolean> {
  const place = keyOf(named)
  if (code === '') throw refuse('the code value is required')
  const now = engine.clock.now()
  const { key, counter } = await engine.view.transaction(async (tx) => {
    const found = await tx.get(place, keyShape)
    if (!found) throw unknown(named)
    if (code.length !== found.digits || /\s/.test(code)) throw refuse('invalid number of digits for the code')
    const used = await engine.seen.used(tx, named, code, now)
    const of = counterOf(found, code, now)
    if (of !== undefined) engine.seen.use(tx, named, found, { code, counter: of }, used)
    return { key: found, counter: of }
  })
  if (counter === undefined) engine.seen.wrong(named, key, code, now)
  return counter !== undefined
}
