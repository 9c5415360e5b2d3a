import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { areCertificates } from '../../crypto/encoding/pem.ts'
import { isBearer } from './config.ts'

/** Where Kubernetes mounts a pod's own service account. */
export const podFolder = '/var/run/secrets/kubernetes.io/serviceaccount'

/** The files that Kubernetes provides in a pod. They are read at each use: Kubernetes replaces them before they expire. */
export class Pod {
  readonly #folder: string

  constructor(folder: string) {
    this.#folder = folder
  }

  /** The certificates of the API server's CA, PEM; undefined outside of a pod. */
  async ca(): Promise<string | undefined> {
    const pem = await contentOf(join(this.#folder, 'ca.crt'))
    return pem !== undefined && areCertificates(pem) ? pem : undefined
  }

  /** The token of the pod's service account; undefined outside of a pod. */
  async jwt(): Promise<string | undefined> {
    const token = (await contentOf(join(this.#folder, 'token')))?.trim()
    return token !== undefined && isBearer(token) ? token : undefined
  }
}

/** Undefined if the file does not exist or cannot be read. */
async function contentOf(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8')
  } catch {
    return undefined
  }
}
