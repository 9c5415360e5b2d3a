import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { DeviceMaker } from '../../src/audit/device-set.ts'
import { AuditBroker } from '../../src/audit/broker.ts'
import { fileDevice } from '../../src/audit/devices/file.ts'
import type { AuditDeviceSpec, AuditEvent, AuditMount } from '../../src/contract/audit.ts'
import type { TokenRecord } from '../../src/contract/identity.ts'
import type { ApiPath, Request } from '../../src/contract/request.ts'
import type { View } from '../../src/contract/view.ts'
import { randomBytes } from '../../src/crypto/fast/random.ts'
import type { Loggable } from '../../src/util/log.ts'
import { Secret } from '../../src/util/secret.ts'
import { openBarrier } from '../support/barrier.ts'
import { HandClock } from '../support/clock.ts'
import { temporaryFolder } from '../support/folder.ts'

/** A file whose lines are a bare chain, as earlier releases wrote it. */
export const bareFile: DeviceMaker = (options) => {
  const device = fileDevice(options)
  const { target, alwaysSync } = device
  return {
    type: 'file',
    target,
    alwaysSync,
    open: async () => device.open(),
    write: (text) => device.write(text),
    sync: async () => device.sync(),
    reopen: async () => device.reopen(),
    close: async () => device.close(),
  }
}

/** Paths in a folder of their own; call in `describe`. */
export function scratch(): (name: string) => string {
  const folder = temporaryFolder()
  return (name) => join(folder, name)
}

/** What a broker's log said. */
export interface Said {
  readonly level: string
  readonly message: string
  readonly facts: Readonly<Record<string, Loggable>>
}

export function brokerWith(types: Readonly<Record<string, DeviceMaker>> = {}): {
  readonly broker: AuditBroker
  readonly clock: HandClock
  readonly said: Said[]
} {
  const clock = new HandClock(Date.UTC(2026, 10, 24, 12, 0, 0, 123))
  const said: Said[] = []
  const say =
    (level: string) =>
    (message: string, facts: Said['facts'] = {}) =>
      void said.push({ level, message, facts })
  const log = { debug: say('debug'), info: say('info'), warn: say('warn'), error: say('error') }
  return {
    broker: new AuditBroker({ clock, log, random: randomBytes, types: { file: fileDevice, ...types } }),
    clock,
    said,
  }
}

/** A real view: an unsealed barrier over memory. */
export async function freshView(): Promise<View> {
  const { barrier } = await openBarrier()
  return barrier.view('core/audit/')
}

export function file(path: string, options: Readonly<Record<string, string>> = {}, at = 'file/'): AuditDeviceSpec {
  return { path: at, type: 'file', description: '', local: false, options: { file_path: path, ...options } }
}

export const mount: AuditMount = { path: 'kv/', type: 'kv', accessor: 'kv_1a2b3c4d', class: 'secret' }

export const token: TokenRecord = {
  id: 'internal-id-of-the-token',
  accessor: 'accessor-of-the-token',
  type: 'service',
  namespace: 'root',
  policies: ['app', 'default'],
  path: 'auth/token/create',
  meta: { who: 'me' },
  displayName: 'token-app',
  issuedAt: Date.UTC(2026, 10, 24),
  creationTtl: 3600,
  expiresAt: Date.UTC(2026, 10, 24, 1),
  explicitMaxTtl: 0,
  period: 0,
  numUses: 0,
  renewable: true,
  boundCidrs: [],
  entityId: '',
}

let count = 0
const rootLabel = { id: 'root', path: '' }

export function event(change: Partial<AuditEvent> & { readonly ask?: Partial<Request> } = {}): AuditEvent {
  const { ask, ...rest } = change
  const request: Request = {
    id: `00000000-0000-4000-8000-${String(++count).padStart(12, '0')}`,
    protocol: 'vault',
    operation: 'read',
    path: 'kv/x' as ApiPath,
    namespace: '',
    data: {},
    credential: { kind: 'token', token: new Secret('bearer-of-the-token') },
    client: { address: '127.0.0.1', port: 4711 },
    headers: {},
    ...ask,
  }
  return {
    request,
    namespace: rootLabel,
    operation: 'read',
    token,
    decision: { allowed: true },
    mount,
    pure: true,
    ...rest,
  }
}

export interface Line {
  readonly type: string
  readonly error?: string
  readonly salt?: string
  readonly auth?: Readonly<Record<string, unknown>>
  readonly request: Readonly<Record<string, unknown>> & {
    readonly path: string
    readonly data?: Record<string, unknown>
  }
  readonly response?: Readonly<Record<string, unknown>>
  readonly chain: { readonly seq: number; readonly prev: string }
}

/** Lines that a log has by itself: the first one of each file, and those about unsealing and sealing. */
const ownPaths = ['sys/audit/begin', 'sys/audit/open', 'sys/audit/close']

/** All lines of a file. */
export function allLinesOf(path: string): Line[] {
  const text = readFileSync(path, 'utf8')
  return text.split('\n').slice(0, -1).map((line) => JSON.parse(line) as Line) // prettier-ignore
}

/** The lines of a file without those that every log has. */
export function linesOf(path: string): Line[] {
  return allLinesOf(path).filter(({ request }) => !ownPaths.includes(request.path))
}

/** One request and its answer. */
export async function round(
  broker: AuditBroker,
  asked: AuditEvent,
  outcome: Parameters<AuditBroker['response']>[1] = {},
) {
  await broker.request(asked)
  await broker.response(asked, outcome)
}
