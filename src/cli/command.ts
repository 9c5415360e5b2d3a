import type { Client } from './client.ts'
import type { FlagTable, Flags } from './flags.ts'
import type { Format } from './output.ts'

/** What a command is run with. */
export interface Run {
  readonly args: readonly string[]
  readonly flags: Flags
  readonly client: Client
  readonly format: Format
  out(text: string): void
  err(text: string): void
  /** All of standard input. */
  stdin(): Promise<string>
  /** Starts a server; the command line itself must not know how. */
  readonly serve: Serve
}

/** What starting a server takes and gives. */
export type Serve = (options: {
  readonly config?: readonly string[]
  readonly dev?: { readonly rootTokenId?: string; readonly listenAddress?: string }
  readonly logFormat?: 'standard' | 'json'
}) => Promise<{
  readonly address: string
  readonly storageType: string
  readonly rootToken?: string
  readonly unsealKey?: string
  reload(): Promise<void>
  stop(): Promise<void>
}>

/** One command. Everything that help and usage say is here. */
export interface Command {
  /** `token create`. */
  readonly name: string
  readonly about: string
  /** How its arguments are written in help. */
  readonly usage?: string
  /** Fewest and most arguments. */
  readonly args: readonly [number, number]
  readonly flags?: FlagTable
  /** @returns the exit status. */
  readonly run: (run: Run) => Promise<number>
}
