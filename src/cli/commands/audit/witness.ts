import { createPrivateKey, generateKeyPairSync } from 'node:crypto'
import type { KeyObject } from 'node:crypto'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import type { AddressInfo } from 'node:net'
import { cosigner } from '../../../audit/checkpoints/note-keys.ts'
import { vkeyText } from '../../../audit/checkpoints/verifier-key.ts'
import { pinnedKeys } from '../../../audit/offline/trusted-keys.ts'
import { listenAsWitness } from '../../../audit/witness/listen.ts'
import { WitnessMemory } from '../../../audit/witness/memory.ts'
import { Witness } from '../../../audit/witness/witness.ts'
import { systemClock } from '../../../util/clock.ts'
import { lineLog } from '../../../util/log.ts'
import { isLoopback } from '../../../util/cidr.ts'
import { readingFiles } from './files.ts'
import type { Command, Run } from '../../framework/command.ts'
import { UsageError } from '../../framework/flags.ts'

async function witness(run: Run): Promise<number> {
  const { flags } = run
  const [name, keyFile, folder] = ['name', 'key', 'state'].map((flag) => required(run, flag)) as [
    string,
    string,
    string,
  ]
  const logs = flags.strings('log')
  const at = placeOf(flags.string('listen') || '127.0.0.1:8210')
  refusePlain(run, at.host)
  if (logs.length === 0) throw new UsageError('no log was given: give the vkeys or key files of the logs with -log')
  if (!/^[^\s+]{1,200}$/u.test(name)) throw new UsageError('the name of a witness must not contain spaces or "+"')
  return readingFiles(run, [], async () => {
    const signer = cosigner(name, keyAt(keyFile), () => systemClock.now())
    const keys = () => logs.flatMap(pinnedKeys)
    keys()
    const stopSignal = untilStopped()
    const log = lineLog(
      (line) => run.err(line),
      () => systemClock.now(),
    )
    const place = { ...at, ...tlsOf(run) }
    const server = await listenAsWitness(new Witness({ memory: new WitnessMemory(folder), signer, keys }), place, log)
    const { address, port } = server.address() as AddressInfo
    const scheme = 'tls' in place ? 'https' : 'http'
    run.out(`==> witness ${name} listens on ${scheme}://${address.includes(':') ? `[${address}]` : address}:${port}\n`)
    run.out(`${vkeyText(signer.key)}\n`)
    await stopSignal
    server.closeAllConnections()
    await new Promise((done) => server.close(done))
    return 0
  })
}

function required({ flags }: Run, name: string): string {
  const value = flags.string(name) ?? ''
  if (value === '') throw new UsageError(`a witness needs -${name}`)
  return value
}

/** The witness's key; generated if there is none. */
function keyAt(path: string): KeyObject {
  if (!existsSync(path)) {
    const { privateKey } = generateKeyPairSync('ed25519')
    writeFileSync(path, privateKey.export({ type: 'pkcs8', format: 'pem' }), { mode: 0o600, flag: 'wx' })
  }
  const key = privateKeyIn(readFileSync(path))
  if (key?.asymmetricKeyType !== 'ed25519') throw new UsageError(`${path} contains no Ed25519 private key in PEM`)
  return key
}

function privateKeyIn(pem: Buffer): KeyObject | undefined {
  try {
    return createPrivateKey(pem)
  } catch {
    return undefined
  }
}

function placeOf(input: string): { readonly host: string; readonly port: number } {
  const match = /^(?:\[([0-9A-Fa-f:.]+)\]|([A-Za-z0-9._-]+)):([0-9]{1,5})$/.exec(input)
  const port = Number(match?.[3])
  if (!match || port > 65_535) throw new UsageError(`${input} is not an address: give host:port`)
  return { host: (match[1] ?? match[2]) as string, port }
}

/** Plain HTTP on a network address must be allowed by a flag, as for the listeners of a server. */
function refusePlain({ flags }: Run, host: string): void {
  const isPlain = flags.string('tls-cert-file') === undefined && !isLoopback(host)
  const isAllowed = flags.bool('unsafe-allow-tls-disable-on-network')
  if (isPlain && !isAllowed)
    throw new UsageError(
      `plain HTTP on ${host} can be changed on its way: give -tls-cert-file and -tls-key-file, listen on 127.0.0.1, or, behind something that does TLS, add -unsafe-allow-tls-disable-on-network`,
    )
  if (isAllowed && !isPlain)
    throw new UsageError(
      `-unsafe-allow-tls-disable-on-network has no effect ${isLoopback(host) ? `on ${host}, which is this machine` : 'with TLS'}: leave it out`,
    )
}

function tlsOf({ flags }: Run): { readonly tls?: { readonly cert: Buffer; readonly key: Buffer } } {
  const [cert, key] = [flags.string('tls-cert-file'), flags.string('tls-key-file')]
  if ((cert === undefined) !== (key === undefined))
    throw new UsageError('give -tls-cert-file and -tls-key-file together')
  return cert === undefined || key === undefined ? {} : { tls: { cert: readFileSync(cert), key: readFileSync(key) } }
}

async function untilStopped(): Promise<void> {
  return new Promise((resolve) => {
    process.once('SIGTERM', () => resolve())
    process.once('SIGINT', () => resolve())
  })
}

/** `audit witness`. */
export const auditWitnessCommands: readonly Command[] = [
  {
    name: 'audit witness',
    about: 'Run a witness (C2SP tlog-witness) on another machine: cosign checkpoints of append-only logs',
    args: [0, 0],
    offline: true,
    flags: {
      name: { kind: 'string', about: 'The name of the witness, such as witness.example.org.' },
      key: { kind: 'string', about: 'The file with its Ed25519 private key in PEM; created if missing.' },
      state: {
        kind: 'string',
        about: 'The folder for its state. Each witness needs a folder of its own.',
      },
      log: {
        kind: 'strings',
        about: 'A vkey or key file of a log to watch; can be repeated. Files are read at every submission.',
      },
      listen: { kind: 'string', about: 'The address to listen on (default 127.0.0.1:8210).' },
      'tls-cert-file': {
        kind: 'string',
        about: 'The TLS certificate file; without one, the witness serves plain HTTP.',
      },
      'tls-key-file': { kind: 'string', about: 'The private key file of the certificate.' },
      'unsafe-allow-tls-disable-on-network': {
        kind: 'bool',
        about: 'Serve plain HTTP beyond this machine: something in front of the witness does TLS.',
      },
    },
    run: witness,
  },
]
