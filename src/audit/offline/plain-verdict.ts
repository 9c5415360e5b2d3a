import type { Remark } from './log-check.ts'
import type { LogVerdict } from './verify.ts'

/** A verdict on one log in sentences, for readers who do not know how logs are signed. */
export function plainVerdict(log: LogVerdict): readonly string[] {
  return log.wrong === 0 ? intact(log) : broken(log)
}

function intact(log: LogVerdict): readonly string[] {
  const { lines, stretches, firstTime } = log
  if (lines === 0) return ['The files hold no lines.']
  const first = stretches[0]?.from ?? 1
  const last = stretches.at(-1)?.to ?? lines
  const signed = Math.max(0, ...stretches.map((stretch) => stretch.signed ?? 0))
  return [
    `None of the ${lines} lines (numbers ${first} to ${last}) was changed, removed, added or moved since it was written.`,
    signatures(log, signed, last),
    ...(signed > 0 && signed < last ? [`Lines ${signed + 1} to ${last} follow without a gap, but no signature covers them yet: whoever may write to the file could have written them anew.`] : []),
    ...(first > 1 ? [`Lines 1 to ${first - 1}, which are older than ${firstTime.slice(0, 10)}, are not in these files.`] : []),
    ...log.witnessed.map(({ name, size }) => `The witness ${name} has confirmed the log up to line ${size}.`),
  ] // prettier-ignore
}

function signatures({ pinned }: LogVerdict, signed: number, last: number): string {
  if (signed === 0)
    return 'No signature covers them: whoever may write to the file could have written all of it anew, or have cut off its end.'
  const extent = signed === last ? 'All of them are' : `Lines up to number ${signed} are`
  return pinned
    ? `${extent} covered by a signature of the server, under a key that the auditor holds.`
    : `${extent} covered by a signature of the server. Its key was found beside the log: whoever can replace all files can replace it, too. With -keys and a copy that you keep, this is excluded.`
}

function broken({ wrong, validLines, lines, files }: LogVerdict): readonly string[] {
  return [
    `This log is not what the server wrote: ${wrong === 1 ? 'one thing is' : `${wrong} things are`} wrong with it, listed below.`,
    validLines > 0
      ? `The first ${validLines} of the ${lines} lines in ${files.length === 1 ? 'the file' : `the ${files.length} files`} are as they were written.`
      : 'No line of it can be relied on.',
    'What this report counts and lists is not proved. Keep the files as they are, and compare them with copies and with the checkpoints that a witness holds.',
  ]
}

type Data = Readonly<Record<string, unknown>>

/** Lines about the log itself (docs/formats.md, audit lines), in words. */
const sentences: Readonly<Record<string, (data: Data) => string>> = {
  accepted: ({ code, why, device }) =>
    `An operator accepted damage (code ${text(code)}): ${text(why)}${device === undefined ? '' : `, device ${text(device)}`}.`,
  gap: ({ lost }) =>
    `${text(lost)} lines were not written to this log: another device has them, or their requests failed.`,
  torn: ({ bytes }) => `A crash had cut the last line short; its ${text(bytes)} bytes were put aside.`,
  lost: ({ after, before }) =>
    `The machine had crashed: lines after number ${text(after)}, up to at most ${Number(before) - 1}, are gone.`,
  moved: ({ what, size }) =>
    `Somebody else had ${text(what)} the file; lines after number ${text(size)} are in a new one.`,
  removed: ({ files }) => `Retention removed ${Array.isArray(files) ? files.map(text).join(', ') : 'files'}.`,
  space: ({ full }) => (full === true ? 'The disk was full.' : 'The disk had space again.'),
  keys: ({ size }) =>
    `Other keys sign from here on; the checkpoint of ${text(size)} lines is signed by old and new ones.`,
  begin: ({ log, size, why }) =>
    `This log follows another one (${text(log) || 'of an earlier release'}, ${text(size)} lines): ${text(why)}.`,
}

/** A remark of a log in a sentence; unchanged if it has another form than the server writes. */
export function plainRemark({ kind, what: text }: Remark): string {
  const what = text.replace(/(T\d\d:\d\d:\d\d)\.\d+Z/g, '$1Z')
  const sentence = Object.hasOwn(sentences, kind) ? sentences[kind] : undefined
  try {
    const data: unknown = JSON.parse(what.slice(kind.length + 1))
    return sentence && typeof data === 'object' && data !== null ? sentence(data as Data) : what
  } catch {
    return what
  }
}

const text = (value: unknown): string => (typeof value === 'string' || typeof value === 'number' ? String(value) : '?')
