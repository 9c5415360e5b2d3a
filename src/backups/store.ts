/** A place outside of the storage where backups are kept. Names are of one file each, without a folder. */
export interface BackupStore {
  /** Writes a backup. It does not count as one before `keep`, and nothing is left of it when `pieces` or the store fails. @throws BackupError */
  write(name: string, pieces: AsyncIterable<Uint8Array>): Promise<WrittenBackup>
  /** Removes a backup; an absent one is fine. @throws BackupError */
  remove(name: string): Promise<void>
}

/** A backup that the store has said it has. */
export interface WrittenBackup {
  /** What the store has. @throws BackupError */
  read(): AsyncIterable<Uint8Array>
  /** It has its name from now on, and outlives a crash. @throws BackupError */
  keep(): Promise<void>
  /** Removes it. */
  discard(): Promise<void>
}

/** A store failed. The message is for the operator, also over HTTP: it has no secret and no path of the host. */
export class BackupError extends Error {
  /** The HTTP status of a store that refused. */
  readonly status: number | undefined

  constructor(message: string, { status, cause }: { readonly status?: number; readonly cause?: unknown } = {}) {
    super(message, cause === undefined ? undefined : { cause })
    this.status = status
  }
}
