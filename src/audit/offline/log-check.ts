import { sha256 } from '../../crypto/fast/digest.ts'
import type { Begin } from '../lines/first-line.ts'
import { rangeBefore, readBegin } from '../lines/first-line.ts'
import type { Link } from '../lines/chain.ts'
import { linkOf } from '../lines/chain.ts'
import { markBefore } from '../lines/marks.ts'
import { CompactRange } from '../checkpoints/tree.ts'
import type { Evidence } from './evidence.ts'
import type { RawLine } from './raw-lines.ts'
import { notStrict } from '../lines/strict-json.ts'

/** Where a line stands. */
interface Place {
  readonly file: string
  /** Counted from 1. */
  readonly line: number
}

/** A problem and its place. */
export interface Finding extends Place {
  readonly why: string
}

/** A run of lines that is whole in itself. */
export interface SignedSpan {
  readonly from: number
  readonly to: number
  /** The last line that a signed checkpoint covers; absent when none does. */
  readonly signed?: number
}

/** A remark: an event in the log itself, or in its times, that is not damage but matters to an auditor. */
export interface Remark {
  /** Its kind: the last part of an own line's path (docs/formats.md), or `clock`. */
  readonly kind: string
  readonly seq: number
  readonly time: string
  readonly what: string
}

interface Expected {
  readonly place: Place
  readonly link: Link
  /** Base64. */
  readonly leaf: string
}

const changed = 'it was changed: the next line holds another hash of it'
/** Lines are written concurrently: a later one may be this much older, milliseconds. */
const tolerance = 1000
/** Further ones are counted, but not kept. */
const mostFindings = 1000
/** A line of the log about itself (docs/formats.md): no caller's request begins like this. */
const ownLine =
  /^\{"time":"[^"]+","type":"request","request":\{"id":"[^"]*","operation":"update","namespace":\{"id":"root"\},"path":"sys\/audit\/([a-z]+)"/
/** Events that matter to an auditor. */
const reported: ReadonlySet<string> = new Set(['gap', 'torn', 'lost', 'moved', 'accepted', 'removed', 'space', 'keys'])

/**
 * Checks the lines of one log: each has the next number and the hash of the line before it, and the tree over all lines
 * has the signed roots. After damage it continues, so that the rest is checked as well.
 */
export class LogCheck {
  readonly findings: Finding[] = []
  readonly stretches: SignedSpan[] = []
  readonly remarks: Remark[] = []
  /** All lines, and those before the first damage. */
  lines = 0
  validLines: number | undefined
  wrong = 0
  firstSeq = 0
  firstTime = ''
  lastTime = ''
  /** The number of checkpoints whose root matched. */
  signaturesMet = 0
  begin: Begin | undefined
  readonly #evidence: Evidence
  /** Lines after it are not covered by any signature: there, JSON is parsed strictly. */
  readonly #lastSigned: number
  #before: Expected | undefined
  /** The last two lines do not match: the next line shows which of them was changed. */
  #undecided: Expected | undefined
  /** A line after the last one was skipped. */
  #skipped = false
  /** Undefined while the tree is not known. */
  #range: CompactRange | undefined
  #from = 0
  #signed = 0
  /** The highest commit number in a line. */
  #commit = 0

  constructor(evidence: Evidence) {
    this.#evidence = evidence
    this.#lastSigned = [...evidence.signed.keys()].reduce((max, size) => Math.max(max, size), 0)
  }

  /** The last valid line: its number and leaf hash (base64). */
  get last(): { readonly seq: number; readonly leaf: string; readonly place: Place } | undefined {
    return this.#before && { seq: this.#before.link.seq, leaf: this.#before.leaf, place: this.#before.place }
  }

  /** The root over all lines, base64, while it is known. */
  get root(): string | undefined {
    return this.#range && Buffer.from(this.#range.root()).toString('base64')
  }

  /** Adds the next line. */
  next({ bytes, whole }: RawLine, file: string, line: number): void {
    const place = { file, line }
    const link = whole ? linkIn(bytes) : undefined
    if (this.#undecided) this.#settle(this.#undecided, link)
    const before = this.#before
    const why = wrongIn(bytes, link, before?.link, this.#lastSigned)
    if (why !== undefined && !this.#isAfterSkipped(link)) this.find(place, why)
    this.lines++
    if (!link || (why !== undefined && before && link.seq <= before.link.seq)) {
      // It was inserted or destroyed: the line after it may match the one before it.
      this.#skipped = true
      return
    }
    if (why !== undefined) this.#restart()
    else if (before && link.prev !== before.leaf) this.#undecided = before
    const leaf = sha256(bytes)
    this.#take({ place, link, leaf: leaf.toString('base64') }, leaf, bytes)
  }

  /** Whether a line is the next but one, and the line between them was skipped: that was reported already. */
  #isAfterSkipped(link: Link | undefined): boolean {
    return this.#skipped && link?.seq === (this.#before?.link.seq ?? 0) + 2
  }

  /** After the last line. */
  end(): void {
    const undecided = this.#undecided
    this.#undecided = undefined
    if (undecided) this.find(undecided.place, `${changed}, or the one after it was`, 2)
    this.#close(undecided ? undecided.link.seq - 1 : (this.#before?.link.seq ?? 0))
  }

  /** Records damage; `counted` of the lines so far are not valid. */
  find(place: Place, why: string, counted = 0): void {
    this.wrong++
    this.validLines ??= this.lines - counted
    if (this.findings.length < mostFindings) this.findings.push({ ...place, why })
  }

  #take(now: Expected, leaf: Buffer, bytes: Buffer): void {
    const { seq } = now.link
    if (seq === 1 && !this.#before) this.#range = new CompactRange()
    this.firstSeq ||= seq
    this.#from ||= seq
    this.#before = now
    this.#skipped = false
    this.#readHead(bytes, now)
    this.#readCommit(bytes, now)
    if (!this.#range) return
    this.#range.push(leaf)
    const signed = this.#evidence.signed.get(seq)
    if (signed && !this.#undecided) this.#compareRoot(signed.root, now)
  }

  #compareRoot(root: string, { link: { seq }, place }: Expected): void {
    if (this.root === root) {
      this.#signed = seq
      this.signaturesMet++
      return
    }
    const since = this.#signed > 0 ? `after number ${this.#signed}` : 'up to here'
    this.find(
      place,
      `the lines ${since} do not match the root that was signed for ${seq} lines: lines were changed, inserted or removed`,
      seq - this.#signed,
    )
    this.#close(this.#signed)
    this.#range = undefined
  }

  /** The beginning of a line: its time, and its events about the log itself. */
  #readHead(bytes: Buffer, { link: { seq }, place }: Expected): void {
    const head = bytes.toString('latin1', 1, 240)
    const time = /^\{"time":"([^"]{1,40})"/.exec(head)?.[1] ?? ''
    if (time < this.lastTime && Date.parse(this.lastTime) - Date.parse(time) >= tolerance)
      this.#remark({ kind: 'clock', seq, time, what: `the clock went back, from ${this.lastTime}` })
    this.firstTime ||= time
    this.lastTime = time
    const about = ownLine.exec(head)?.[1]
    // From here on the storage is another one, and an operator has accepted it.
    if (about === 'accepted') this.#commit = 0
    if (about === 'begin') this.#begins(bytes.toString('utf8', 1), place, { seq, time })
    else if (about !== undefined && reported.has(about))
      this.#remark({ kind: about, seq, time, what: `${about} ${dataOf(bytes.toString('utf8', 1))}` })
  }

  /** A storage numbers its commits: a lower number is that of an older one, which was not accepted. */
  #readCommit(bytes: Buffer, { link, place }: Expected): void {
    const mark = markBefore(bytes, 1, bytes.length - linkLength(link))
    if (typeof mark !== 'object') return
    if (mark.commit < this.#commit)
      this.find(
        place,
        `it refers to commit ${mark.commit} of the storage, and a line before it to ${this.#commit}: the storage was an older copy, or another program wrote lines`,
        1,
      )
    this.#commit = Math.max(mark.commit, this.#commit)
  }

  #begins(text: string, place: Place, at: Pick<Remark, 'seq' | 'time'>): void {
    const begin = readBegin(text)?.begin
    if (!begin) return this.find(place, 'the first line of this file lacks required members', 1)
    if (this.begin && (begin.log !== this.begin.log || begin.origin !== this.begin.origin))
      this.find(place, 'the first line of this file belongs to another log', 1)
    this.begin ??= begin
    if (begin.follows) this.#remark({ ...at, kind: 'begin', what: `begin ${JSON.stringify(begin.follows)}` })
    const range = rangeBefore(begin)
    if (!this.#range) this.#range = range
    else if (range && Buffer.compare(range.root(), this.#range.root()) !== 0)
      this.find(place, 'the tree in the first line of this file differs from that of the lines before it', 1)
  }

  /** With the line after them, it is clear which of the two lines was changed. */
  #settle(undecided: Expected, link: Link | undefined): void {
    const last = this.#before as Expected
    this.#undecided = undefined
    // If the next line has the hash of the last one, that one is genuine.
    if (link?.seq === last.link.seq + 1 && link.prev === last.leaf) {
      this.find(undecided.place, changed, 2)
      this.#close(undecided.link.seq - 1)
      this.#range = undefined
      this.#from = last.link.seq
      return
    }
    this.find(last.place, changed, 1)
    this.#close(undecided.link.seq)
    this.#range = undefined
    this.#before = { ...last, leaf: link?.prev ?? '' }
  }

  #restart(): void {
    this.#close(this.#before?.link.seq ?? 0)
    this.#before = undefined
    this.#range = undefined
  }

  #close(to: number): void {
    const from = this.#from
    const signed = Math.min(this.#signed, to)
    if (from > 0 && to >= from) this.stretches.push({ from, to, ...(signed >= from && { signed }) })
    this.#signed = 0
    this.#from = 0
  }

  #remark(remark: Remark): void {
    if (this.remarks.length < mostFindings) this.remarks.push(remark)
  }
}

function wrongIn(
  bytes: Buffer,
  link: Link | undefined,
  before: Link | undefined,
  lastSigned: number,
): string | undefined {
  if (!link) return 'it does not end in a link of the chain: it was cut or changed, or strongroom did not write it'
  if (link.seq > lastSigned) {
    const why = notStrict(bytes.subarray(1))
    if (why !== undefined) return `it was changed: ${why}`
  }
  if (!before) return (link.seq === 1) === (link.prev === '') ? undefined : 'its number does not match its link'
  const follows = before.seq + 1
  if (link.seq === follows) return undefined
  if (link.seq > follows) return `its number is ${link.seq} where ${follows} follows: lines are missing before it`
  return `its number is ${link.seq} where ${follows} follows: it was added, repeated or moved`
}

const linkIn = (bytes: Buffer): Link | undefined => linkOf(bytes.toString('latin1', Math.max(1, bytes.length - 120)))

/** Bytes of the link at the end of a line. */
const linkLength = ({ seq, prev }: Link): number => `,"chain":{"seq":${seq},"prev":"${prev}"}}`.length

function dataOf(text: string): string {
  try {
    return JSON.stringify((JSON.parse(text) as { readonly request?: { readonly data?: unknown } }).request?.data ?? {})
  } catch {
    return ''
  }
}
