import { openSync } from 'node:fs'
import { ReadStream } from 'node:tty'
import { UsageError } from './flags.ts'

/** There is nobody to ask. */
export class NoTerminal extends UsageError {
  constructor() {
    super('there is no terminal to ask on: give the value as an argument, or "-" to read it from standard input')
  }
}

/** Asks on the terminal without showing what is typed, even when standard input is a file. @throws NoTerminal */
export async function askHidden(question: string): Promise<string> {
  const terminal = openTerminal()
  process.stderr.write(question)
  terminal.setRawMode(true)
  try {
    return await typed(terminal)
  } finally {
    terminal.setRawMode(false)
    terminal.destroy()
    process.stderr.write('\n')
  }
}

function openTerminal(): ReadStream {
  // Without this a background job would be stopped by the terminal instead of being told.
  if (!process.stdin.isTTY && !process.stderr.isTTY) throw new NoTerminal()
  try {
    return new ReadStream(openSync('/dev/tty', 'r+'))
  } catch {
    throw new NoTerminal()
  }
}

async function typed(terminal: ReadStream): Promise<string> {
  let text = ''
  for await (const chunk of terminal) {
    for (const letter of (chunk as Buffer).toString('utf8')) {
      if (letter === '\r' || letter === '\n') return text
      if (letter === '\u0003' || letter === '\u0004') throw new UsageError('interrupted')
      text = letter === '\u007f' || letter === '\b' ? text.slice(0, -1) : text + letter
    }
  }
  return text
}
