import { generateKeyPairSync } from 'node:crypto'

/**
 * What runs on other threads (`heavy.run(name, input)`): anything that takes more than about a millisecond. A new job is
 * a line here. Inputs and results are copied, their bytes are wiped on the thread afterwards; keys are KeyObjects
 * (`createSecretKey` for raw ones), which cross without being copied.
 */
export const jobs = {
  /** A private RSA key of so many bits. */
  generateRsa: (modulusLength: number) => generateKeyPairSync('rsa', { modulusLength }).privateKey,
} as const
export type HeavyJobs = typeof jobs
