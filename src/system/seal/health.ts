import { refuse } from '../../contract/fault.ts'
import { f } from '../../contract/field.ts'
import type { Response } from '../../contract/response.ts'
import { product } from '../../util/version.ts'
import type { SealPort } from './seal-port.ts'

const code = (about: string) => f.string(about)

/** The parameters of `sys/health`: statuses in place of the usual ones. */
export const healthFields = {
  standbyok: code('Ignored: there are no standbys.'),
  perfstandbyok: code('Ignored: there are no standbys.'),
  activecode: code('Status while unsealed; 200.'),
  standbycode: code('Status on standby; 429.'),
  sealedcode: code('Status while sealed; 503.'),
  uninitcode: code('Status before init; 501.'),
  drsecondarycode: code('Ignored.'),
  performancestandbycode: code('Ignored.'),
}

type HealthValues = { readonly [K in keyof typeof healthFields]: string | undefined }

/** The response of `sys/health`. @throws Fault invalid_request for an invalid status */
export async function health(manager: SealPort, values: HealthValues): Promise<Response> {
  const { initialised, sealed } = await manager.status()
  for (const flag of [values.standbyok, values.perfstandbyok])
    if (flag && f.bool('').parse(flag) === undefined) throw refuse('')
  const codes = {
    active: codeOf(values.activecode, 200),
    standby: codeOf(values.standbycode, 429),
    sealed: codeOf(values.sealedcode, 503),
    uninit: codeOf(values.uninitcode, 501),
    dr: codeOf(values.drsecondarycode, 472),
    performance: codeOf(values.performancestandbycode, 473),
  }
  const cluster = sealed ? undefined : manager.cluster()
  const replication = sealed ? 'unknown' : 'disabled'
  const found = {
    initialized: initialised,
    sealed,
    standby: sealed,
    replication_performance_mode: replication,
    replication_dr_mode: replication,
    server_time_utc: Math.floor(manager.now() / 1000),
    version: product.version,
    strongroom_release: product.release,
    ...(cluster && { cluster_name: cluster.name, cluster_id: cluster.id }),
  }
  return { status: !initialised ? codes.uninit : sealed ? codes.sealed : codes.active, data: found }
}

function codeOf(input: string | undefined, fallback: number): number {
  if (input === undefined) return fallback
  const status = /^\d{3}$/.test(input) ? Number(input) : NaN
  // 1xx is not a final response.
  if (!(status >= 200 && status <= 999)) throw refuse('')
  return status
}
