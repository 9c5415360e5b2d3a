import { readFileSync } from 'node:fs'
import { checkProof, compareCheckpoints, proveLine } from '../../../audit/offline/prove.ts'
import type { ProofResult } from '../../../audit/offline/prove.ts'
import { pinnedKeys } from '../../../audit/offline/trusted-keys.ts'
import { proofText, readProof } from '../../../audit/checkpoints/proof-file.ts'
import { readingFiles } from './files.ts'
import { broken, evidenceFlags, evidenceOf } from './verify.ts'
import type { Command, Run } from '../../framework/command.ts'
import { UsageError } from '../../framework/flags.ts'
import { printable } from '../../output/printable.ts'
import { showValue } from '../../output/show.ts'

async function prove(run: Run): Promise<number> {
  const [number = '', ...paths] = run.args
  if (!/^[1-9][0-9]{0,15}$/.test(number))
    throw new UsageError(`${number} is not a line number: give the chain.seq of the line`)
  const log = run.flags.string('log')
  const proof = await readingFiles(run, paths, async (progress) =>
    proveLine(paths, Number(number), { ...evidenceOf(run), progress, ...(log !== undefined && { log }) }),
  )
  run.out(proofText(proof))
  return 0
}

async function check(run: Run): Promise<number> {
  const [path = '', from = '-'] = run.args
  const keyFlags = run.flags.strings('keys')
  if (keyFlags.length === 0)
    throw new UsageError('a proof needs a trusted key: give the public key of the log with -keys')
  return readingFiles(run, [], async () => {
    const proof = readProof(readFileSync(path, 'utf8'))
    if (!proof) throw new UsageError(`${path} is not a proof (c2sp.org/tlog-proof@v1)`)
    const line = from === '-' ? await bytesOf(run) : readFileSync(from)
    const result = checkProof(proof, withoutEnd(line), keyFlags.flatMap(pinnedKeys))
    const { origin, size } = proof.checkpoint
    return report(run, result, `the line is number ${proof.index + 1} of ${size} in ${origin}`)
  })
}

async function bytesOf(run: Run): Promise<Buffer> {
  const parts: Uint8Array[] = []
  for await (const part of run.stdio.read()) parts.push(part)
  return Buffer.concat(parts)
}

const withoutEnd = (line: Buffer): Buffer => (line.at(-1) === 10 ? line.subarray(0, -1) : line)

async function consistency(run: Run): Promise<number> {
  const [a = '', b = '', ...paths] = run.args
  const { old, now, hashes, result } = await readingFiles(run, paths, async (progress) =>
    compareCheckpoints(a, b, paths, { ...evidenceOf(run), progress }),
  )
  const statement = `the first ${old.checkpoint.size} of ${now.checkpoint.size} lines are the same`
  if (run.format === 'table') return report(run, result, statement)
  await showValue(run, {
    consistent: result.ok,
    origin: now.checkpoint.origin,
    old_size: old.checkpoint.size,
    size: now.checkpoint.size,
    proof: hashes.map((hash) => Buffer.from(hash).toString('base64')),
    ...(!result.ok && { why: result.why }),
  })
  return result.ok ? 0 : broken
}

function report(run: Run, result: ProofResult, statement: string): number {
  run.out(`${printable(result.ok ? `proved: ${statement}` : `NOT PROVED: ${result.why}`)}\n`)
  return result.ok ? 0 : broken
}

/** `audit prove`, `audit check`, `audit consistency`. */
export const auditProofCommands: readonly Command[] = [
  {
    name: 'audit prove',
    about: 'Write a proof that one line is in the log (C2SP tlog-proof), from audit files only',
    usage: 'NUMBER FILE …',
    args: [2, Infinity],
    offline: true,
    flags: {
      ...evidenceFlags,
      log: { kind: 'string', about: 'The ID of the log or its prefix, if the files hold several logs.' },
    },
    run: prove,
  },
  {
    name: 'audit check',
    about: 'Check a proof against a line (default: standard input); exit status 0 proved, 3 not proved',
    usage: 'PROOF [LINE-FILE]',
    args: [1, 2],
    offline: true,
    flags: { keys: evidenceFlags['keys'] as (typeof evidenceFlags)[string] },
    run: check,
  },
  {
    name: 'audit consistency',
    about: 'Check that the newer of two checkpoints only appends to the older; exit status 0 consistent, 3 not',
    usage: 'CHECKPOINT CHECKPOINT [FILE …]',
    args: [2, Infinity],
    offline: true,
    flags: evidenceFlags,
    shows: ['format'],
    run: consistency,
  },
]
