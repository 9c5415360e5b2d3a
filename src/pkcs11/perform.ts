import { Secret } from '../util/secret.ts'
import { Pkcs11Error, TokenProblem } from './error.ts'
import type { TokenAnswer, TokenCiphertext, TokenJob } from './job.ts'
import { decryptGcm, decryptOaep, encryptGcm, encryptOaep, findKey, nameOf } from './keys.ts'
import { Library } from './library.ts'
import { Token } from './token.ts'

/** Does a job in this process: loads the library, logs in, and leaves nothing open. */
export function perform(job: TokenJob): TokenAnswer {
  try {
    const token = Token.open(Library.load(job.lib), { ...job, pin: new Secret(job.pin) })
    try {
      return job.action === 'encrypt' ? encrypt(token, job) : decrypt(token, job)
    } finally {
      token.close()
    }
  } catch (thrown) {
    return failed(thrown)
  }
}

function encrypt(token: Token, job: TokenJob & { readonly action: 'encrypt' }): TokenAnswer {
  const { key, plaintext, iv, associated, mechanism, hash } = job
  const aes = mechanism === 'rsa-oaep' ? undefined : findKey(token, key, 'aes')
  if (aes !== undefined)
    return encrypted({ mechanism: 'aes-gcm', ...encryptGcm(token, aes, plaintext, iv, associated) })
  const rsa = mechanism === 'aes-gcm' ? undefined : findKey(token, key, 'rsa')
  if (rsa === undefined) throw noKey(job)
  const ciphertext: TokenCiphertext = {
    mechanism: 'rsa-oaep',
    hash,
    ciphertext: encryptOaep(token, rsa, plaintext, hash),
  }
  return encrypted(ciphertext)
}

const encrypted = (ciphertext: TokenCiphertext): TokenAnswer => ({ kind: 'encrypted', ciphertext })

function decrypt(token: Token, job: TokenJob & { readonly action: 'decrypt' }): TokenAnswer {
  const { key, ciphertext, associated } = job
  const handle = findKey(token, key, ciphertext.mechanism === 'aes-gcm' ? 'aes' : 'rsa')
  if (handle === undefined) throw noKey(job)
  const plaintext =
    ciphertext.mechanism === 'aes-gcm'
      ? decryptGcm(token, handle, ciphertext, associated)
      : decryptOaep(token, handle, ciphertext.ciphertext, ciphertext.hash)
  return { kind: 'decrypted', plaintext }
}

const noKey = ({ key }: TokenJob): TokenProblem =>
  new TokenProblem(`the token has no AES or private RSA key named ${nameOf(key)}`, { isKey: true })

function failed(thrown: unknown): TokenAnswer {
  if (thrown instanceof TokenProblem)
    return { kind: 'failed', fault: thrown.isPin ? 'pin' : thrown.isKey ? 'key' : 'device', why: thrown.message }
  if (thrown instanceof Pkcs11Error) return { kind: 'failed', fault: 'device', why: thrown.message }
  throw thrown
}
