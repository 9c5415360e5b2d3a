import { randomBytes } from 'node:crypto'
import { isPathName } from '../../../contract/names.ts'
import { Damaged } from '../../../envelope/damaged.ts'
import { Envelope, seal } from '../../../envelope/envelope.ts'
import { isMount, versionOf } from '../../../envelope/header.ts'
import type { Header } from '../../../envelope/header.ts'
import { wipe } from '../../../util/bytes.ts'
import type { Command, Run } from '../../framework/command.ts'
import { newDataKey, rewrapDataKey, unwrapDataKey } from './envelope-keys.ts'
import type { Place } from './envelope-keys.ts'
import { bytesFrom, isPipe, outputTo } from '../../framework/streams.ts'
import { UsageError } from '../../framework/flags.ts'
import { dataRows } from '../../output/format.ts'
import { barePath } from '../../http/paths.ts'
import { showField, showValue } from '../../output/show.ts'
import { keyValues } from '../../output/table.ts'

/** The exit status for a damaged envelope, as for broken audit files. */
const damaged = 3

const fromOf = ({ args: [from = '-'] }: Run): string => from
const toOf = ({ args: [, to = '-'] }: Run): string => to
const nameOf = (path: string): string => (isPipe(path) ? 'standard input' : path)

async function encrypt(run: Run): Promise<number> {
  const to = toOf(run)
  const force = run.flags.bool('force')
  const place = placeOf(run)
  if (isPipe(to) && run.stdio.outIsTerminal && !force)
    throw new UsageError('an envelope is binary data: name a file, or redirect the output')
  const output = outputTo(run, to, force)
  const { wrapped, dataKey } = await newDataKey(run, place)
  try {
    await output.write(seal(bytesFrom(run, fromOf(run)), { ...place, wrapped, dataKey, random: randomBytes }))
  } finally {
    wipe(dataKey)
  }
  return done(run, `Success! Encrypted to: ${to}`, to)
}

function placeOf({ flags }: Run): Place {
  const place = { mount: barePath(flags.string('mount') || 'transit'), key: flags.string('key') ?? '' }
  if (place.key === '') throw new UsageError('no key was given\n  next: name a transit key with -key')
  if (!isMount(place.mount) || !isPathName(place.key))
    throw new UsageError(
      `${place.mount} with ${place.key}: names consist of letters, digits and, inside, "-", "_" and "."`,
    )
  return place
}

async function decrypt(run: Run): Promise<number> {
  const to = toOf(run)
  const output = outputTo(run, to, run.flags.bool('force'))
  return opening(run, async (envelope, dataKey) => {
    await output.write(envelope.open(dataKey))
    return done(run, `Success! Decrypted to: ${to}`, to)
  })
}

async function verify(run: Run): Promise<number> {
  return opening(run, async (envelope, dataKey) => {
    let bytes = 0
    for await (const part of envelope.open(dataKey)) {
      bytes += part.length
      wipe(part)
    }
    const { mount, key, wrapped } = envelope.header
    const version = versionOf(wrapped)
    if (run.format === 'table')
      run.out(`intact: ${bytes} bytes under version ${version} of the key ${key} at ${mount}/\n`)
    else await showValue(run, { intact: true, bytes, mount, key, key_version: version })
    return 0
  })
}

/** Reads an envelope, unwraps its data key, and passes both to `use`. */
async function opening(run: Run, use: (envelope: Envelope, dataKey: Uint8Array) => Promise<number>): Promise<number> {
  return reading(run, async (envelope) => {
    checkExpected(run, envelope.header)
    const dataKey = await unwrapDataKey(run, envelope.header)
    return use(envelope, dataKey).finally(() => wipe(dataKey))
  })
}

async function rewrap(run: Run): Promise<number> {
  const from = fromOf(run)
  const to = run.args[1] ?? from
  // A file that is rewrapped in its place is replaced: that is the purpose of the command.
  const output = outputTo(run, to, run.flags.bool('force') || (to === from && !isPipe(from)))
  return reading(run, async (envelope) => {
    checkExpected(run, envelope.header)
    const wrapped = await rewrapDataKey(run, envelope.header)
    const [before, after] = [versionOf(envelope.header.wrapped), versionOf(wrapped)]
    if (after === before && to === from && !isPipe(to))
      return done(run, `${to} already uses version ${after}, the newest: not changed`, to)
    await output.write(envelope.rewrapped(wrapped))
    return done(run, `Success! Rewrapped from version ${before} to ${after}: ${to}`, to)
  })
}

async function header(run: Run): Promise<number> {
  return reading(run, async ({ header: { mount, key, wrapped, chunk } }) => {
    const fields = { mount, key, key_version: versionOf(wrapped), chunk_size: chunk, wrapped_key: wrapped }
    const field = run.flags.string('field') ?? ''
    if (field !== '') return showField(run, Object.entries(fields).find(([name]) => name === field)?.[1], field)
    if (run.format === 'table') run.out(`${keyValues(dataRows(fields))}\n`)
    else await showValue(run, fields)
    return 0
  })
}

/** Reads the header of FROM, passes the envelope to `use`, and reports on one line why a damaged one is invalid. */
async function reading(run: Run, use: (envelope: Envelope) => Promise<number>): Promise<number> {
  const source = bytesFrom(run, fromOf(run))
  try {
    return await use(await Envelope.read(source))
  } catch (thrown) {
    if (!(thrown instanceof Damaged)) throw thrown
    run.err(`${nameOf(fromOf(run))} is DAMAGED: ${thrown.message}`)
    return damaged
  } finally {
    // A pipe that is not read to its end would keep the program running.
    await source.return(undefined)
  }
}

/**
 * The mount is never taken from the file alone: a forged one could send a token, and a request, anywhere.
 * @throws UsageError if mount or key are others than expected
 */
function checkExpected(run: Run, found: Header): void {
  const mount = barePath(run.flags.string('mount') || 'transit')
  const expected = { mount, key: run.flags.string('key') || found.key }
  for (const what of ['mount', 'key'] as const) {
    if (found[what] === expected[what]) continue
    throw new UsageError(
      `${nameOf(fromOf(run))} uses the ${what} ${found[what]}, not ${expected[what]}: nothing was sent\n  next: if that is right, give -${what}=${found[what]}`,
    )
  }
}

/** No messages if the data itself goes to standard output. */
function done(run: Run, text: string, to: string): number {
  if (!isPipe(to)) run.out(`${text}\n`)
  return 0
}

const mount = { mount: { kind: 'string', about: 'The mount of the transit engine (default transit).' } } as const
const expectedKey = {
  key: { kind: 'string', about: 'The expected transit key; other envelopes are refused.' },
} as const
const force = { force: { kind: 'bool', about: 'Replace an existing file.', alias: 'f' } } as const
const usage = '[FROM [TO]]'

/** `transit envelope …`. FROM and TO are files, or "-" (the default) for standard input and output. */
export const envelopeCommands: readonly Command[] = [
  {
    name: 'transit envelope encrypt',
    about: 'Encrypt a file or a stream of any size with a new data key',
    usage,
    args: [0, 2],
    flags: { key: { kind: 'string', about: 'The transit key that wraps the data key.' }, ...mount, ...force },
    run: encrypt,
  },
  {
    name: 'transit envelope decrypt',
    about: 'Decrypt an envelope; exit status 3 if it is damaged, and no file is written',
    usage,
    args: [0, 2],
    flags: { ...expectedKey, ...mount, ...force },
    run: decrypt,
  },
  {
    name: 'transit envelope header',
    about: 'Show the header of an envelope offline, unverified',
    usage: '[FROM]',
    args: [0, 1],
    offline: true,
    shows: ['field', 'format'],
    run: header,
  },
  {
    name: 'transit envelope verify',
    about: 'Verify a complete envelope without writing it; exit status 0 intact, 3 damaged',
    usage: '[FROM]',
    args: [0, 1],
    flags: { ...expectedKey, ...mount },
    shows: ['format'],
    run: verify,
  },
  {
    name: 'transit envelope rewrap',
    about: 'Rewrap the data key under the newest version of its transit key, in place unless TO is given',
    usage,
    args: [0, 2],
    flags: { ...expectedKey, ...mount, ...force },
    run: rewrap,
  },
]
