import { access, constants, lstat } from 'node:fs/promises'
import { dirname } from 'node:path'
import type { Check } from '../../cli/framework/command.ts'
import type { Config } from '../../config/types.ts'
import type { AuditDevice, AuditDeviceSpec } from '../../contract/audit.ts'
import { DeviceOptions } from '../../audit/devices/options.ts'
import { silent } from '../../util/log.ts'
import { auditDevices, targetsBeside } from '../audit-devices.ts'
import { auditFailure } from '../start-failures.ts'
import { fail, group, ok, reason, warn } from './result.ts'

/** The files of audit devices, as far as their options can be read. */
export function auditFiles({ audits }: Config): readonly string[] {
  return audits.flatMap((spec) => {
    try {
      return deviceOf(spec).file?.path ?? []
    } catch {
      return []
    }
  })
}

/** The options of audit devices, and whether their files can be written. */
export async function checkAudit(config: Config): Promise<Check> {
  if (config.audits.length === 0)
    return group('Audit', [warn('Devices', 'there is none: nothing is recorded', 'declare one: audit "file" "file" { options { file_path = "/var/log/strongroom/audit.log" } }')]) // prettier-ignore
  return group('Audit', await Promise.all(config.audits.map(async (spec) => device(spec, config))))
}

function deviceOf({ type, options }: AuditDeviceSpec): AuditDevice {
  const make = Object.hasOwn(auditDevices, type) ? auditDevices[type] : undefined
  if (!make) throw new Error(`there is no such type; there are: ${Object.keys(auditDevices).join(', ')}`)
  return make(new DeviceOptions(options), silent)
}

async function device(spec: AuditDeviceSpec, { storage }: Config): Promise<Check> {
  const name = `${spec.type} ${spec.path}`
  try {
    const { file, target } = deviceOf(spec)
    if (!file)
      return ok(name, target === undefined ? 'connected at the first line' : `${target}; connected at the first line`)
    targetsBeside(storage)(file.path)
    return await writable(name, file.path)
  } catch (thrown) {
    return fail(name, reason(auditFailure(spec, thrown)))
  }
}

async function writable(name: string, path: string): Promise<Check> {
  const there = await lstat(path).catch(() => undefined)
  if (there && !there.isFile()) return fail(name, `${path} is no regular file`, `ls -l ${path}`)
  const uid = process.getuid?.()
  if (there && uid !== undefined && there.uid !== uid)
    return warn(name, `${path} belongs to user ${there.uid}, and this runs as user ${uid}`, `run this as the server's user: sudo -u '#${there.uid}' strongroom operator diagnose …`) // prettier-ignore
  // The folder gets files of its own: the log is put aside, checkpoints lie beside it.
  for (const one of [...(there ? [path] : []), dirname(path)])
    if (!(await mayWrite(one)))
      return fail(name, `${one} is not there, or this user may not write there`, `ls -ld ${one}`)
  return ok(name, there ? path : `${path}; not there yet`)
}

const mayWrite = async (path: string): Promise<boolean> =>
  access(path, constants.W_OK).then(
    () => true,
    () => false,
  )
