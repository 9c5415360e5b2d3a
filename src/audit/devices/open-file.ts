import { closeSync, constants, fchmodSync, fstatSync, fsyncSync, openSync } from 'node:fs'
import { posix } from 'node:path'
import { refuse } from '../../contract/fault.ts'

const { O_RDWR, O_APPEND, O_CREAT, O_EXCL, O_NOFOLLOW, O_NONBLOCK } = constants
/** The widest mode of a file: its owner reads and writes, its group reads. */
const widest = 0o640

const reasons: Readonly<Record<string, string>> = {
  ENOENT: 'its folder does not exist; make it, owned by the user of the server, or correct file_path',
  ENOTDIR: 'a part of its path is no folder; correct file_path',
  EISDIR: 'file_path is a folder; name a file in it',
  ELOOP: 'file_path is a link; name the file itself',
  EACCES:
    'the user of the server may not write the file, or make it in its folder; give that user the folder: chown -R USER FOLDER',
  EPERM:
    'the user of the server may not write the file, or make it in its folder; give that user the folder: chown -R USER FOLDER',
  EROFS: 'its file system is read-only; mount it for writing, or correct file_path',
  ENOSPC: 'its disk is full; make room',
}

/**
 * Opens a file to append to it: a regular file, not a link, not accessible to others. `mode` undefined keeps that of an existing one;
 * `fresh`: it must not exist yet. @throws Fault without the path.
 */
export function openLog(path: string, mode: number | undefined, fresh = false): number {
  let fd: number | undefined
  try {
    // Non-blocking, so that a pipe at this path cannot block the whole process before the check.
    const flags = O_RDWR | O_APPEND | O_CREAT | O_NOFOLLOW | O_NONBLOCK
    fd = openSync(path, fresh ? flags | O_EXCL : flags, mode ?? 0o600)
    if (!fstatSync(fd).isFile()) throw new Error('it is no regular file; name one')
    if (mode !== undefined) fchmodSync(fd, mode)
    if ((fstatSync(fd).mode & 0o7777 & ~widest) !== 0)
      throw new Error('its mode is wider than 0640; take the rights of others away: chmod 0600 FILE')
    syncFolder(path)
    return fd
  } catch (cause) {
    if (fd !== undefined) closeSync(fd)
    const { code, message } = cause as NodeJS.ErrnoException
    const why =
      code === undefined
        ? message
        : (reasons[code] ?? 'it must be a regular file, no link, in a folder where the server may write')
    throw refuse(`the audit file cannot be opened (${code ?? 'not usable'}): ${why}`, { cause })
  }
}

/** A created or renamed file must be on disk as well as its lines. */
export function syncFolder(path: string): void {
  const folder = openSync(posix.dirname(path), constants.O_RDONLY)
  try {
    fsyncSync(folder)
  } finally {
    closeSync(folder)
  }
}

/** The mode of the option `mode`; 0 keeps that of an existing file. @throws Fault if it is too permissive. */
export function modeOf(octal: string | undefined): number | undefined {
  if (octal === undefined || octal === '') return 0o600
  const mode = /^[0-7]{1,5}$/.test(octal) ? parseInt(octal, 8) : NaN
  if (mode === 0) return undefined
  // Exec bits are dropped, as in OpenBao; other modes that are too permissive are refused.
  const bare = mode & ~0o111
  if (Number.isNaN(mode) || (bare & ~widest) !== 0 || (bare & 0o600) !== 0o600)
    throw refuse(
      'the mode of an audit file is octal, 0600 or 0640: nobody else may read it, its group may not write it',
    )
  return bare
}
