import type { TreeHead } from './proofs.ts'

/** The head of a log (C2SP tlog-checkpoint): which log, how many lines, and the root of its Merkle tree. */
export interface Checkpoint extends TreeHead {
  readonly origin: string
}

/** The signed text, with its last line feed. */
export function checkpointText({ origin, size, root }: Checkpoint): string {
  return `${origin}\n${size}\n${Buffer.from(root).toString('base64')}\n`
}

/** Parses a note's text as a checkpoint; extension lines are ignored. Undefined if it is not a checkpoint. */
export function readCheckpoint(text: string): Checkpoint | undefined {
  const [origin = '', size = '', encoded = '', ...more] = text.split('\n')
  const root = Buffer.from(encoded, 'base64')
  const count = /^(0|[1-9][0-9]{0,15})$/.test(size) ? Number(size) : NaN
  if (origin === '' || !Number.isSafeInteger(count) || root.length !== 32 || root.toString('base64') !== encoded)
    return undefined
  // The text ends in a line feed: only the last part is empty.
  if (more.pop() !== '' || more.includes('')) return undefined
  return { origin, size: count, root: Uint8Array.from(root) }
}
