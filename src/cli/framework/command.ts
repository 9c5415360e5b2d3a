import type { ConfigFault } from '../../util/hcl/fault.ts'
import type { LogLevel } from '../../util/log.ts'
import type { Client } from '../http/client.ts'
import type { Environment } from './env.ts'
import type { FlagTable, Flags } from './flags.ts'
import type { Format } from '../output/format.ts'
import type { Stdio } from './stdio.ts'

/** The parts that a command runs with. */
export interface Run extends Runtime {
  readonly args: readonly string[]
  readonly flags: Flags
  readonly client: Client
  readonly format: Format
  readonly environment: Environment
  /** Prints a line on standard error. */
  err(line: string): void
  /** Prints on standard error as it is. */
  show(text: string): void
}

/** The world around the command line. Tests pass their own. */
export interface Runtime {
  readonly env: Readonly<Record<string, string | undefined>>
  out(text: string): void
  err(text: string): void
  /** All of standard input, read once. */
  stdin(): Promise<string>
  /** Both as bytes, for data of any size. */
  readonly stdio: Stdio
  /** Prompts on the terminal without echo. @throws NoTerminal */
  ask(question: string): Promise<string>
  /** Starts a server; a dependency, because the command line itself must not import it. */
  readonly serve: Serve
  /** Copies the storage of a stopped server, by a file with `storage_source` and `storage_destination`. @throws Error with the remedy */
  readonly migrate: (file: string) => Promise<Migrated>
  /** Checks what a server would start with; a dependency for the same reason. */
  readonly checks: Checks
}

/** Result of `operator migrate`. `revision` is that of the storage, `sha256` (hexadecimal) that of its records. */
export interface Migrated {
  readonly records: number
  readonly bytes: number
  readonly revision: string
  readonly sha256: string
}

/** Checks of a configuration, without starting a server. */
export interface Checks {
  /** Everything that is wrong in configuration files and folders, and the files that were read. */
  validate(
    paths: readonly string[],
  ): Promise<{ readonly files: readonly string[]; readonly faults: readonly ConfigFault[] }>
  /** Whether a server could start with them on this machine. @param skip `listener`, `storage`, `autounseal` */
  diagnose(paths: readonly string[], skip: readonly string[]): Promise<Check>
}

/** A check with its result. None can hold a secret. */
export interface Check {
  readonly name: string
  readonly status: 'ok' | 'warn' | 'fail' | 'skipped'
  readonly message: string
  /** What to do; empty if nothing. */
  readonly advice: string
  readonly children: readonly Check[]
}

/** Input and result of starting a server. */
export type Serve = (options: {
  readonly config?: readonly string[]
  readonly dev?: {
    readonly rootTokenId?: string
    readonly listenAddress?: string
    readonly tls?: { readonly certFile: string; readonly keyFile: string }
    readonly plainOnNetwork?: boolean
  }
  readonly logFormat?: 'standard' | 'json'
  readonly logLevel?: LogLevel
  readonly logFile?: string
  readonly logRotateBytes?: number
  /** Seconds. */
  readonly logRotateDuration?: number
  readonly logRotateMaxFiles?: number
  readonly lockoutDisabled?: boolean
}) => Promise<{
  readonly address: string
  /** Of all listeners. */
  readonly addresses: readonly string[]
  readonly storageType: string
  /** Whether a seal of the configuration unseals it, without key shares. */
  readonly hasSeal: boolean
  readonly isInitialised: boolean
  readonly logFormat: 'standard' | 'json'
  readonly rootToken?: string
  readonly unsealKey?: string
  /** Reads files again; the server's log tells of it. */
  reload(): Promise<unknown>
  stop(): Promise<void>
}>

/** One command, with everything for help, usage and dispatch. */
export interface Command {
  /** `token create`. */
  readonly name: string
  readonly about: string
  /** How its arguments are written in help. */
  readonly usage?: string
  /** Fewest and most arguments. */
  readonly args: readonly [number, number]
  readonly flags?: FlagTable
  /** It connects to no server, and has no flags for that. */
  readonly offline?: true
  /** It sends no stored token, and works if the stored one cannot be read. */
  readonly anonymous?: true
  /** A feature that the server must have, if not every server has it: named in the error when it is missing. */
  readonly needs?: string
  /** `-field`, `-format` and `-detailed`, as far as it has them. */
  readonly shows?: readonly ('field' | 'format' | 'raw' | 'detailed')[]
  /** `reading secret/a`: the action in which an error of the server occurred. */
  readonly doing?: string | ((run: Run) => string)
  /** @returns the exit status. */
  readonly run: (run: Run) => Promise<number>
}

/** Some commands that are loaded together, when one of them is needed. */
export interface CommandGroup {
  /** The first word of their names. */
  readonly word: string
  readonly about: string
  readonly load: () => Promise<readonly Command[]>
}
