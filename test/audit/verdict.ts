import { verifyLogs } from '../../src/audit/offline/verify.ts'

/** What checking audit files found, in short. `lines` counts those before the first bad one. */
export interface Verdict {
  readonly ok: boolean
  readonly lines: number
  readonly firstBad?: { readonly file: string; readonly line: number; readonly why: string }
}

/** Checks audit files offline, in short for tests. `print` gets remarks. @throws when a file cannot be read */
export async function verifyAuditFiles(
  paths: readonly string[],
  print: (remark: string) => void = () => {},
): Promise<Verdict> {
  const { intact, logs } = await verifyLogs(paths)
  for (const { notes } of logs) notes.forEach(print)
  const firstBad = logs.flatMap(({ findings }) => findings)[0]
  const lines = logs.reduce((sum, { validLines }) => sum + validLines, 0)
  return { ok: intact, lines, ...(firstBad && { firstBad }) }
}
