import { openSync } from 'node:fs'
import { ReadStream } from 'node:tty'
import { UsageError } from './flags.ts'

/** Asks on the terminal without showing what is typed. @throws UsageError when there is no terminal. */
export async function askHidden(question: string): Promise<string> {
  let terminal: ReadStream
  try {
    terminal = new ReadStream(openSync('/dev/tty', 'r+'))
  } catch {
    throw new UsageError(
      'there is no terminal to ask on: give the value as an argument, or "-" to read it from standard input',
    )
  }
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
