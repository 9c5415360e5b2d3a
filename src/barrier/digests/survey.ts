import { plainKeys } from '../../contract/barrier.ts'
import type { Entry, Piece } from '../../contract/storage.ts'
import type { Coverage } from './coverage.ts'
import { nothing, sameSum, toggle } from './sums.ts'
import type { Elements, Sum } from './sums.ts'

/** The object of a survey: the records of a barrier, piece by piece. */
export interface SurveyParts {
  readonly coverage: Coverage
  readonly elements: Elements
  /** Of the keys of the buckets' own records. */
  readonly prefix: string
  readonly piece: ReadPiece
}

/** Visits a piece of the keys below a prefix, from a key on. @throws Fault sealed */
export type ReadPiece = (range: PieceRange, visit: (piece: Piece) => void) => Promise<void>

/** The beginning of a part, and the other keys to read. */
interface PieceRange {
  readonly prefix: string
  readonly from: string
  readonly also?: readonly string[]
}

const plain = Object.values(plainKeys)

/** The sums of a survey. */
export interface Found {
  readonly folders: Map<string, Sum>
  readonly buckets: Map<string, Sum>
  /** The buckets' own records. */
  readonly stored: Map<string, Entry>
}

/** A folder whose records do not match their digest. */
export interface Damage {
  readonly folder: string
  /** The difference, which regular changes preserve. */
  readonly sign: string
}

/** The damage of a folder: none when both sums are the same. */
export function damaged(folder: string, wanted: Sum, found: Sum): readonly Damage[] {
  const difference = Buffer.from(wanted)
  toggle(difference, found)
  return sameSum(difference, nothing()) ? [] : [{ folder, sign: difference.toString('hex') }]
}

/** Computes the actual sums: of folders, of the buckets' records, and optionally of the buckets themselves. */
export async function survey(parts: SurveyParts, buckets: boolean): Promise<Found> {
  const { coverage, elements, prefix, piece: read } = parts
  const found: Found = { folders: new Map(), buckets: new Map(), stored: new Map() }
  const add = (sums: Map<string, Sum>, name: string, entry: Entry): void => {
    const sum = sums.get(name) ?? nothing()
    sums.set(name, sum)
    toggle(sum, elements.of(entry))
  }
  for (let from: string | undefined = 'e/'; from !== undefined;) {
    let next: string | undefined
    await read({ prefix: 'e/', from, also: plain }, (piece) => {
      let skip = ''
      for (const entry of piece.entries) {
        if (entry.key < skip) continue
        const cover = coverage.of(entry.key)
        if (cover.by === 'folder') add(found.folders, cover.folder, entry)
        else if (cover.by === 'bucket' && buckets) add(found.buckets, cover.bucket, entry)
        else skip = behind(buckets ? cover.below : cover.apart)
      }
      next = piece.more ? later(skip, behindPiece(piece)) : undefined
      if (from === 'e/') for (const key of plain) addPlain(parts, found, piece.read(key))
    })
    from = next
  }
  for (let from: string | undefined = prefix; from !== undefined;) {
    let next: string | undefined
    await read({ prefix, from }, (piece) => {
      for (const entry of piece.entries) found.stored.set(entry.key.slice(prefix.length), entry)
      next = piece.more ? behindPiece(piece) : undefined
    })
    from = next
  }
  return found
}

function addPlain({ coverage, elements }: SurveyParts, found: Found, entry: Entry | undefined): void {
  if (!entry) return
  const cover = coverage.of(entry.key)
  if (cover.by !== 'folder') return
  const sum = found.folders.get(cover.folder) ?? nothing()
  found.folders.set(cover.folder, sum)
  toggle(sum, elements.of(entry))
}

/** The first key after a part; undefined if it is empty. */
export const behindPiece = ({ entries }: Piece): string | undefined => {
  const last = entries.at(-1)
  return last && `${last.key}\0`
}

const behind = (below: string): string => (below.endsWith('/') ? `${below.slice(0, -1)}0` : `${below}\0`)
const later = (a: string, b: string | undefined): string => (b === undefined || a > b ? a : b)
