import { compareSync, hashSync } from 'bcryptjs'
import { text } from '../util/bytes.ts'

/** The cost of our own hashes: 2^10 rounds, some 60 ms. */
const cost = 10

interface Password {
  /** UTF-8, 72 bytes at most: bcrypt ignores all bytes after them. */
  readonly password: Uint8Array
}

/** Jobs for worker threads: bcrypt (Provos and Mazières, 1999). */
export const passwordJobs = {
  hashPassword: ({ password }: Password) => hashSync(text(password), cost),
  matchesPassword: ({ password, hash }: Password & { readonly hash: string }) => compareSync(text(password), hash),
} as const
