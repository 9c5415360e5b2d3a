import { openSync } from 'node:fs'
import { ReadStream } from 'node:tty'
import { UsageError } from './flags.ts'

/** There is no terminal for a prompt. */
export class NoTerminal extends UsageError {
  constructor() {
    super('there is no terminal to prompt on: give the value as an argument, or "-" to read it from standard input')
  }
}

/** Prompts on the terminal without echo, even if standard input is a file. @throws NoTerminal */
export async function askHidden(question: string): Promise<string> {
  const terminal = openTerminal()
  // Echo is disabled before the prompt: pasted input must not show either.
  terminal.setRawMode(true)
  process.stderr.write(question)
  try {
    return await typed(terminal)
  } finally {
    terminal.setRawMode(false)
    terminal.destroy()
    process.stderr.write('\n')
  }
}

function openTerminal(): ReadStream {
  // Without this, the terminal would stop a background job instead of reporting an error.
  if (!process.stdin.isTTY && !process.stderr.isTTY) throw new NoTerminal()
  try {
    return new ReadStream(openSync('/dev/tty', 'r+'))
  } catch {
    throw new NoTerminal()
  }
}

/** Control characters of the keyboard: Ctrl-C and Ctrl-D stop, Ctrl-U begins again. */
const keys = { enter: '\r\n', stop: '\u0003\u0004', back: '\u007f\b', clear: '\u0015' } as const

async function typed(terminal: ReadStream): Promise<string> {
  let text = ''
  // A character of several bytes may arrive in two parts.
  terminal.setEncoding('utf8')
  for await (const chunk of terminal) {
    for (const letter of chunk as string) {
      if (keys.enter.includes(letter)) return text
      if (keys.stop.includes(letter)) throw new UsageError('interrupted')
      if (keys.back.includes(letter)) text = Array.from(text).slice(0, -1).join('')
      else text = letter === keys.clear ? '' : text + letter
    }
  }
  return text
}
