import type { KeyStatus, RotationConfig } from '../../contract/barrier.ts'
import { refuse } from '../../contract/fault.ts'
import { f } from '../../contract/field.ts'
import { done } from '../../contract/response.ts'
import { injected } from '../../contract/wire/returns.ts'
import { routesOf } from '../../contract/route.ts'
import type { Route } from '../../contract/route.ts'
import { rfc3339 } from '../../util/clock.ts'
import { formatDuration } from '../../util/duration.ts'

/** The barrier and the seal manager, for these routes. */
export interface RotatePort {
  keyStatus(): KeyStatus
  rotate(): Promise<void>
  rotateRoot(): Promise<void>
  rotation(): Promise<RotationConfig>
  configureRotation(config: RotationConfig): Promise<void>
}

const { read, write } = routesOf<unknown>()
const fewest = 1_000_000
const most = 3_865_470_566
const day = 86_400

const fields = {
  max_operations: f.int(`Encryptions under one key before it is rotated, ${fewest} to ${most}.`),
  interval: f.duration('Time after which the key is rotated, at least 24h; 0: never.').limiting(),
  enabled: f.bool('Rotate by itself.').limiting(),
}

/** `sys/key-status`, `sys/rotate` and its newer names, and the settings of automatic rotation. */
export function rotateRoutes(port: RotatePort): Route<unknown>[] {
  const rotate = async () => {
    await port.rotate()
    return done()
  }
  const about = 'Install a new encryption key; old ones still decrypt.'
  return [
    read('key-status', {
      about: 'The encryption key in use.',
      returns: injected({
        term: f.int('Its number.'),
        install_time: f.string('The time of its installation.'),
        encryptions: f.int('How often it has encrypted, about.'),
      }),
      handle: () => {
        const { term, installedAt, encryptions } = port.keyStatus()
        return { data: { term, install_time: rfc3339(installedAt), encryptions } }
      },
    }),
    write('rotate', { about, access: 'sudo', alias: () => 'rotate/keyring', handle: rotate }),
    write('rotate/keyring', { about, access: 'sudo', alias: () => 'rotate', handle: rotate }),
    write('rotate/root', {
      about: 'Install a new root key; the shares stay the same.',
      access: 'sudo',
      handle: async () => {
        await port.rotateRoot()
        return done()
      },
    }),
    ...configRoutes(port, 'rotate/config', 'rotate/keyring/config'),
    ...configRoutes(port, 'rotate/keyring/config', 'rotate/config'),
  ]
}

function configRoutes(port: RotatePort, path: string, otherPath: string): Route<unknown>[] {
  const alias = () => otherPath
  return [
    read(path, {
      about: 'The settings of automatic rotation.',
      returns: {
        max_operations: fields.max_operations,
        interval: f.any('Time after which the key is rotated, such as `720h0m0s`; 0: never.'),
        enabled: fields.enabled,
      },
      alias,
      handle: async () => {
        const { maxOperations, interval, enabled } = await port.rotation()
        return {
          data: { max_operations: maxOperations, interval: interval === 0 ? 0 : formatDuration(interval), enabled },
        }
      },
    }),
    write(path, {
      about: 'Change the settings of automatic rotation.',
      alias,
      fields,
      handle: async (_, values) => {
        const old = await port.rotation()
        const config = {
          maxOperations: values.max_operations ?? old.maxOperations,
          interval: values.interval ?? old.interval,
          enabled: values.enabled ?? old.enabled,
        }
        checkRotation(config)
        await port.configureRotation(config)
        return done()
      },
    }),
  ]
}

function checkRotation({ maxOperations, interval }: RotationConfig): void {
  if (maxOperations < fewest || maxOperations > most)
    throw refuse(`max_operations must lie between ${fewest} and ${most}`)
  if (interval !== 0 && interval < day) throw refuse('interval must be 0 or at least 24h')
}
