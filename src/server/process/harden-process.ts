/** How a process was started: its own flags, those of NODE_OPTIONS, and its environment. */
interface Start {
  readonly execArgv: readonly string[]
  readonly env: Readonly<Record<string, string | undefined>>
}

/** Flags of Node that give others access to the process, write its memory, keys or traffic to files, or relax its HTTP parser. */
const unsafeFlag =
  /^--(inspect|debug-port|heap-?snapshot|heap-prof|cpu-prof|prof$|report-|diagnostic-dir|abort-on-uncaught|tls-keylog|trace-tls|insecure-http-parser|max-http-header-size|security-revert|track-heap)/

/** The option that would reveal secrets; undefined if there is none. */
export function unsafeStartOption({ execArgv, env }: Start): string | undefined {
  const flag = [...execArgv, ...(env['NODE_OPTIONS'] ?? '').split(/\s+/)].find((word) =>
    unsafeFlag.test(word.replaceAll('_', '-').replaceAll('"', '')),
  )
  if (flag !== undefined) return flag.split('=')[0]
  return ['NODE_DEBUG', 'NODE_DEBUG_NATIVE'].find((name) => (env[name] ?? '') !== '')
}

const plainly = (kind: string): void =>
  void process.stderr.write(`an unexpected error (${kind}) ended the server; its storage is intact\n`)

/**
 * Hardens the process before it has any secrets: its files are for its owner only, no signal opens a debugger, and after
 * an unexpected error it exits without the error's message (exit status 70).
 * @param crashed returns the function that logs an unexpected error by its kind. It is called at the error
 * @param real whether secrets are real: a development server may be inspected
 * @throws Error if an option of the process would reveal secrets
 */
export function guardProcess(real: boolean, crashed: () => ((kind: string) => void) | undefined = () => plainly): void {
  process.umask(0o077)
  // Node opens a debugger on this signal unless it has a listener.
  process.on('SIGUSR1', () => {})
  const fatal = (thrown: unknown): never => {
    const kind = thrown instanceof Error ? thrown.name : typeof thrown
    try {
      ;(crashed() ?? plainly)(kind)
    } finally {
      process.exit(70)
    }
  }
  process.on('uncaughtException', fatal).on('unhandledRejection', fatal)
  const teller = real ? unsafeStartOption(process) : undefined
  if (teller !== undefined)
    throw new Error(`a server with real secrets does not start with ${teller}: it would show them; start it without`)
}
