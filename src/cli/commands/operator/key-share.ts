import { readFileSync } from 'node:fs'
import type { Run } from '../../framework/command.ts'
import { UsageError } from '../../framework/flags.ts'

/** A key share: the argument, standard input for "-", or from a prompt. @throws UsageError if no prompt is allowed or possible */
export async function keyShareOf(run: Run, question: string): Promise<string> {
  const [argument] = run.args
  if (argument !== undefined) return nonEmpty(argument === '-' ? await run.stdin() : argument)
  if (run.flags.bool('non-interactive'))
    throw new UsageError('no key share was given, and -non-interactive forbids prompting: give it as an argument')
  return nonEmpty(await run.ask(question))
}

/** @throws UsageError for an empty share: sent, it would look like a request without one */
function nonEmpty(input: string): string {
  const share = input.trim()
  if (share === '') throw new UsageError('the key share is empty: nothing was sent')
  return share
}

/** PGP keys for the shares: files, in the order of the flag. @throws UsageError */
export function pgpKeys(run: Run, flag: string): { readonly [name: string]: readonly string[] } {
  const files = run.flags.strings(flag).flatMap((text) => text.split(','))
  return files.length === 0 ? {} : { pgp_keys: files.map((file) => pgpKey(file.trim())) }
}

/** A PGP key from a file, binary or armoured, in the API's form: base64 of the binary form. @throws UsageError */
export function pgpKey(path: string): string {
  const bytes = keyBytes(path)
  const text = bytes.toString('latin1')
  const armoured =
    /-----BEGIN PGP PUBLIC KEY BLOCK-----\r?\n(?:[^\r\n]+\r?\n)*\r?\n([\s\S]*?)(?:\r?\n=[\w+/]{4})?\r?\n-----END/.exec(
      text,
    )
  if (armoured) return (armoured[1] ?? '').replace(/\s/g, '')
  return /^[\w+/=\s]+$/.test(text) ? text.replace(/\s/g, '') : bytes.toString('base64')
}

function keyBytes(path: string): Buffer {
  try {
    return readFileSync(path.replace(/^@/, ''))
  } catch {
    throw new UsageError(`the PGP key ${path} cannot be read`)
  }
}
