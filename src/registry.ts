import { fileDevice } from './audit/file.ts'
import type { DeviceMaker } from './audit/broker.ts'
import { httpDevice } from './audit/http.ts'
import { socketDevice } from './audit/socket.ts'
import { syslogDevice } from './audit/syslog.ts'
import { tokenEngine } from './auth/token/engine.ts'
import type { TokenPort } from './auth/token/port.ts'
import type { Engine } from './contract/engine.ts'
import type { NamespaceId } from './contract/identity.ts'
import { randomBytes } from './crypto/random.ts'
import { cubbyholeEngine } from './engines/cubbyhole/engine.ts'
import type { WrappedDrawers } from './engines/cubbyhole/engine.ts'
import { plainEngine } from './engines/kv/v1.ts'
import { versionedEngine } from './engines/kv/v2/engine.ts'
import { transitEngine } from './engines/transit/engine.ts'

/** Everything that can be mounted: one line each. */
export function engines(
  system: Engine,
  tokensOf: (namespace: NamespaceId) => TokenPort,
  wrappings: WrappedDrawers,
): readonly Engine[] {
  return [
    system,
    tokenEngine(tokensOf),
    cubbyholeEngine(wrappings),
    transitEngine(randomBytes),
    plainEngine('kv'),
    versionedEngine(randomBytes),
    plainEngine('generic'),
  ]
}

/** Every kind of audit device. */
export const auditDevices: Readonly<Record<string, DeviceMaker>> = {
  file: fileDevice,
  socket: socketDevice,
  syslog: syslogDevice,
  http: httpDevice,
}
