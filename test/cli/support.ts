import { createServer } from 'node:http'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Readable } from 'node:stream'
import type { Serve } from '../../src/cli/framework/command.ts'
import { NoTerminal } from '../../src/cli/framework/prompt.ts'
import { run } from '../../src/cli/run.ts'
import { readConfig } from '../../src/config/load.ts'
import { diagnose } from '../../src/server/diagnose/diagnose.ts'
import { temporaryFolder } from '../support/folder.ts'

/** What a command line left behind. */
export interface Outcome {
  readonly code: number
  readonly out: string
  readonly err: string
}

/** The command line in a world of its own: an empty home, and nothing in the environment but what is given. */
export class Shell {
  readonly home = temporaryFolder()
  readonly env: Record<string, string>
  stdin = ''
  /** What a person types when asked; nobody is there unless it is set. */
  typed: string | undefined
  readonly questions: string[] = []
  /** What is on standard input as bytes. */
  piped: AsyncIterable<Uint8Array> | undefined
  /** What went to standard output as bytes. */
  bytesOut = Buffer.alloc(0)
  /** Hears what goes to standard error, while the command runs. */
  hears: ((text: string) => void) | undefined
  /** With what a server was to be started. */
  readonly started: Parameters<Serve>[0][] = []
  outIsTerminal = false
  errIsTerminal = false

  constructor(env: Readonly<Record<string, string>> = {}) {
    this.env = { HOME: this.home, ...env }
  }

  /** Runs words, or a line of them with single blanks between. */
  async run(line: string | readonly string[]): Promise<Outcome> {
    let [out, err] = ['', '']
    const code = await run(typeof line === 'string' ? line.split(' ') : line, {
      env: this.env,
      out: (text) => void (out += text),
      err: (text) => {
        err += text
        this.hears?.(text)
      },
      stdin: async () => this.stdin,
      stdio: {
        read: () => this.piped ?? Readable.from([]),
        write: async (bytes) => void (this.bytesOut = Buffer.concat([this.bytesOut, bytes])),
        outIsTerminal: this.outIsTerminal,
        errIsTerminal: this.errIsTerminal,
      },
      ask: async (question) => {
        this.questions.push(question)
        if (this.typed === undefined) throw new NoTerminal()
        return this.typed
      },
      migrate: async () => {
        throw new Error('no test of this kind migrates a storage')
      },
      serve: async (options) => {
        this.started.push(options)
        throw new Error('no test of this kind starts a server')
      },
      checks: {
        validate: readConfig,
        diagnose,
      },
    })
    return { code, out, err }
  }
}

/** A request as a scripted server saw it. */
export interface Seen {
  readonly line: string
  readonly headers: IncomingMessage['headers']
  readonly body: string
}

/** A server that answers from a script: `METHOD /v1/path` to the answers given in turn, the last one again and again. */
export class ScriptedServer {
  readonly seen: Seen[] = []
  readonly #script: Readonly<Record<string, readonly Scripted[]>>
  readonly #server = createServer((request, response) => this.#answer(request, response))

  constructor(script: Readonly<Record<string, readonly Scripted[]>>) {
    this.#script = script
  }

  async listen(): Promise<string> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve))
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  close(): void {
    this.#server.close()
    this.#server.closeAllConnections()
  }

  get lines(): readonly string[] {
    return this.seen.map(({ line }) => line)
  }

  #answer(request: IncomingMessage, response: ServerResponse): void {
    let body = ''
    request.on('data', (part: Buffer) => (body += part.toString()))
    request.on('end', () => {
      const line = `${request.method} ${request.url}`
      const before = this.lines.filter((seen) => seen === line).length
      this.seen.push({ line, headers: request.headers, body })
      const answers = this.#script[line] ?? [{ status: 404, body: { errors: [] } }]
      const answer = answers[Math.min(before, answers.length - 1)] as Scripted
      if (answer.silent) return
      response.writeHead(answer.status ?? 200, answer.headers)
      response.end(typeof answer.body === 'string' ? answer.body : answer.body && JSON.stringify(answer.body))
    })
  }
}

/** One scripted answer. */
export interface Scripted {
  readonly status?: number
  readonly body?: unknown
  readonly headers?: Readonly<Record<string, string>>
  /** Never answers. */
  readonly silent?: true
}

/** Runs `use` against a scripted server. */
export async function scripted(
  script: Readonly<Record<string, readonly Scripted[]>>,
  use: (shell: Shell, server: ScriptedServer, address: string) => Promise<void>,
): Promise<void> {
  const server = new ScriptedServer(script)
  const address = await server.listen()
  try {
    await use(new Shell({ VAULT_ADDR: address, VAULT_TOKEN: 'root' }), server, address)
  } finally {
    server.close()
  }
}
