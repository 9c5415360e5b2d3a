import type { Commits } from '../../contract/barrier.ts'
import { Fault } from '../../contract/fault.ts'
import { sameText } from '../../util/bytes.ts'
import type { Anchor, Heads } from './anchor.ts'
import { bootId, headsName, storedHeads } from './anchor.ts'
import type { DeviceLog } from '../device-log.ts'
import type { Claim, Finding, Problem } from './check.ts'
import { checkAnchored, checkUnknown, codeOf } from './check.ts'
import { catchUp } from './files.ts'
import { CheckpointSigner } from '../checkpoints/signer.ts'
import type { CheckpointSignerParts } from '../checkpoints/signer.ts'
import { verifierKeys } from '../checkpoints/stored-keys.ts'

/** Parts for checking logs. */
export interface LogParts extends CheckpointSignerParts {
  /** The number of the storage's newest commit; undefined if it is not known. */
  readonly commits: Commits | undefined
}

/** The operator's options for the logs at unseal. */
interface OpeningOptions {
  readonly accept?: string
  readonly expectedHead?: string
}

/** Findings about one device's logs. */
interface Result {
  readonly path: string
  readonly device: DeviceLog | undefined
  readonly anchor: Anchor | undefined
  /** Of the log that the storage has recorded. */
  readonly finding: Finding
}

/** Logs that were checked and are active from now on. */
interface OpenedLogs {
  readonly signer: CheckpointSigner
  /** Writes the lines about the unseal, and signs the first checkpoints. */
  announce(): Promise<void>
}

/**
 * Compares every log with the heads in the storage, and activates it. Nothing is changed before all logs are verified,
 * or accepted. @throws Fault precondition_failed, with a code that accepts just this.
 */
export async function openLogs(
  parts: LogParts,
  devices: ReadonlyMap<string, DeviceLog>,
  options: OpeningOptions,
): Promise<OpenedLogs> {
  const heads = await storedHeads(parts.view)
  const results = await checkAll(parts, devices, heads, expectationOf(options.expectedHead, heads))
  const problems = [
    ...missingIn(heads, parts.commits),
    ...results.flatMap(({ path, finding: { problem, evidence } }) =>
      problem === undefined ? [] : [{ what: `${path} ${problem}`, evidence }],
    ),
  ]
  const code = codeOf(problems)
  if (problems.length > 0 && !(options.accept !== undefined && sameText(options.accept, code)))
    throw refusal(problems, code)
  const boot = bootId()
  const next: Heads = {
    ...heads,
    epoch: heads.epoch + 1,
    ...(boot !== undefined && { boot }),
    devices: retiredIn(heads, results),
  }
  const signer = new CheckpointSigner(parts, next)
  for (const result of results) await takeOver(signer, result)
  await parts.view.put(headsName, signer.present())
  if (problems.length > 0) parts.log.warn('unsealed although the audit log was changed', { code })
  return { signer, announce: async () => announce(signer, results, problems, code) }
}

/** Required records that are missing in the storage. */
function missingIn({ epoch }: Heads, commits: Commits | undefined): readonly Problem[] {
  if (!commits) return []
  if (commits.found === undefined)
    return [{ what: 'the storage has lost the number of its newest commit: that record was removed' }]
  // The first unseal writes the heads before any commit is counted.
  if (commits.found > 0 && epoch === 0)
    return [{ what: 'the storage has lost what it knew of its audit logs: that record was removed' }]
  return []
}

async function checkAll(
  parts: LogParts,
  devices: ReadonlyMap<string, DeviceLog>,
  heads: Heads,
  expected: ReadonlyMap<string, Claim>,
): Promise<readonly Result[]> {
  const { commits } = parts
  const commit = commits && (() => commits.found ?? 0)
  const results: Result[] = []
  for (const path of new Set([...devices.keys(), ...Object.keys(heads.devices)])) {
    const device = devices.get(path)
    const stored = heads.devices[path]
    const anchor = stored && (stored.active || stored.log === device?.state?.id) ? stored : undefined
    if (!anchor && !device?.keepsFiles) continue
    const finding = anchor
      ? await checkOne(parts, path, { device, anchor, heads, commit, claim: expected.get(path) })
      : {}
    results.push({ path, device, anchor, finding })
  }
  return results
}

interface Trusted {
  readonly device: DeviceLog | undefined
  readonly anchor: Anchor
  readonly heads: Heads
  readonly commit: (() => number) | undefined
  readonly claim?: Claim | undefined
}

async function checkOne({ view, clock }: CheckpointSignerParts, path: string, trusted: Trusted): Promise<Finding> {
  const { device, anchor, heads, commit, claim } = trusted
  const keys = await verifierKeys(view, path, () => clock.now())
  const files = device?.files?.state.id === anchor.log ? device.files : undefined
  const live = files && { live: files.state, path: files.file.path }
  return checkAnchored(anchor, heads, keys, { ...live, boot: bootId(), commit, ...(claim && { expected: claim }) })
}

/** Removed devices are not checked again; their heads stay stored. */
function retiredIn({ devices }: Heads, results: readonly Result[]): Heads['devices'] {
  const removed = results.filter(({ device, anchor }) => anchor && !device?.keepsFiles)
  return {
    ...devices,
    ...Object.fromEntries(removed.map(({ path, anchor }) => [path, { ...(anchor as Anchor), active: false }])),
  }
}

/**
 * Activates the current log of a device: the one that the storage has recorded, a new one, or another one after the existing one.
 */
async function takeOver(signer: CheckpointSigner, { device, anchor, finding }: Result): Promise<void> {
  if (!device?.files) return
  const same = anchor !== undefined && anchor.log === device.state?.id
  if (same && finding.problem === undefined) know(device, finding, anchor)
  else if (same) device.files.beginAnew(finding.problem ?? '')
  else await takeUnknown(device)
  await signer.keep(device)
  if (!device.files.state.hasPeaks) device.files.rotate()
}

/** Activates the log of a device that is being enabled. A log that this server closed intact is continued. */
export async function admitLog(parts: LogParts, signer: CheckpointSigner, device: DeviceLog): Promise<void> {
  const heads = signer.present()
  const anchor = heads.devices[device.spec.path]
  const live = device.state
  if (!device.files || !live) return
  if (anchor?.log === live.id) {
    const { commits } = parts
    const commit = commits && (() => commits.newest)
    const finding = await checkOne(parts, device.spec.path, { device, anchor, heads, commit })
    if (finding.problem === undefined) know(device, finding, anchor)
    else beginBehind(parts, device, finding.problem)
  } else await takeUnknown(device)
  await signer.keep(device)
}

/** Damaged files stay under another name, which the first line of the new log records. */
function beginBehind({ log }: LogParts, { files, spec }: DeviceLog, problem: string): void {
  log.error('the log of an audit device was changed; it continues in a new log', { path: spec.path, problem })
  files?.beginAnew(problem)
}

/** A log that the storage does not know is continued if it is complete and young; otherwise another one begins after it. */
async function takeUnknown(device: DeviceLog): Promise<void> {
  const { files, state } = device
  if (!files || !state) return
  const { problem, ...finding } = await checkUnknown(state, files.file.path)
  if (problem === undefined) know(device, finding)
  else files.beginAnew(problem)
}

/** The tree of the files, with the lines that were written while they were read. */
function know({ files, state }: DeviceLog, { reader }: Finding, anchor?: Anchor): void {
  if (!files || !state || !reader) return
  catchUp(files.file.path, reader.offset, state.offset, (chunk) => reader.take(chunk))
  if (reader.size !== state.size || reader.leaf !== state.leaf)
    throw new Fault('unavailable', 'the audit log was moved while it was checked; unseal again')
  state.know(reader.range)
  state.signed = anchor?.signed ?? 0
}

async function announce(
  signer: CheckpointSigner,
  results: readonly Result[],
  problems: readonly Problem[],
  code: string,
): Promise<void> {
  const why = whyOf(problems)
  for (const { path, device, anchor, finding } of results) {
    if (!device?.files) continue
    const recovered = anchor && finding.reader ? finding.reader.size - anchor.size : 0
    // A device that does not accept its line fails requests, not the unseal.
    const lines = [
      ...(finding.lost ? [device.note('lost', { ...finding.lost })] : []),
      device.note('open', {
        epoch: signer.epoch,
        keys: device.files.state.keys,
        ...(recovered > 0 && { recovered }),
      }),
      ...(problems.length > 0 ? [device.note('accepted', { code, why, device: path })] : []),
    ]
    await Promise.allSettled(lines)
  }
  signer.startRound()
}

const whyOf = (problems: readonly Problem[]): string => problems.map(({ what }) => what).join('; ')

function refusal(problems: readonly Problem[], code: string): Fault {
  return stays(
    `the audit log does not match the storage: ${whyOf(problems)}. Look for the missing files or lines first. To ` +
      `unseal nevertheless, submit the last key share again with -accept-audit-log=${code} (strongroom operator unseal), ` +
      `or with accept_audit_log=${code} in the request: that is recorded in the log`,
  )
}

function stays(why: string): Fault {
  return new Fault('precondition_failed', `the server stays sealed: ${why}`)
}

/** `[device:]size:root`, by device. */
function expectationOf(expected: string | undefined, { devices }: Heads): ReadonlyMap<string, Claim> {
  if (expected === undefined || expected === '') return new Map()
  const found = /^(?:(.+):)?([0-9]{1,15}):([A-Za-z0-9+/]{43}=)$/.exec(expected)
  const active = Object.keys(devices).filter((path) => devices[path]?.active)
  const path = found?.[1] ?? (active.length === 1 ? active[0] : undefined)
  if (!found || path === undefined)
    throw stays(
      'expected_head must say of which device it is, as device:size:root, unless the storage knows of just one',
    )
  if (!active.includes(path)) throw stays(`the storage knows of no audit log of ${path}, which expected_head names`)
  return new Map([[path, { size: Number(found[2]), root: found[3] as string, by: 'expected_head' }]])
}
