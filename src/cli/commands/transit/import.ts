import { createPublicKey, randomBytes } from 'node:crypto'
import type { KeyObject } from 'node:crypto'
import { oaepHashes, wrapKey } from '../../../crypto/ciphers/key-wrap.ts'
import type { OaepHash } from '../../../crypto/ciphers/key-wrap.ts'
import { pemBlocks } from '../../../crypto/encoding/pem.ts'
import { base64, fromBase64, wipe } from '../../../util/bytes.ts'
import type { Command, Run } from '../../framework/command.ts'
import { inputOf } from '../../framework/request-data.ts'
import { ServerError } from '../../http/errors.ts'
import { UsageError } from '../../framework/flags.ts'
import { during } from '../kv/path.ts'
import { barePath } from '../../http/paths.ts'
import { showResponse } from '../../output/show.ts'

/** Where a key is to go. */
interface Target {
  readonly mount: string
  readonly key: string
}

const targetOf = ({ args: [path = ''] }: Run): Target => {
  const [, mount = '', key = ''] = /^(.+)\/keys\/([^/]+)$/.exec(barePath(path)) ?? []
  // The arguments may have been mixed up: this one could be the key itself.
  if (mount === '')
    throw new UsageError('the first argument is not the path of a key: write MOUNT/keys/NAME, such as transit/keys/app')
  return { mount, key }
}

/** Imports a key, or a version of one. The key leaves this process wrapped only, for the mount alone. */
async function importKey(run: Run, side: 'import' | 'import_version'): Promise<number> {
  const { mount, key: name } = targetOf(run)
  const { key, ...options } = await inputsOf(run)
  const hash = hashOf(options['hash_function'])
  const material = materialOf(key)
  try {
    const ciphertext = base64(wrapKey(await wrappingKey(run, mount), material, hash, randomBytes))
    const { body } = await run.client.send('PUT', `${mount}/keys/${name}/${side}`, { ...options, ciphertext })
    return await showResponse(
      run,
      body,
      `Success! Imported ${side === 'import' ? '' : 'a version of '}the key: ${mount}/keys/${name}`,
    )
  } finally {
    wipe(material)
  }
}

/** KEY and the options. No message repeats a word, since each of them might be the key. @throws UsageError */
async function inputsOf(run: Run): Promise<Record<string, unknown> & { readonly key: string }> {
  const [, word = '', ...options] = run.args
  if (options.some((option) => !/^[a-z_]{1,40}=[^=]/.test(option) || /^(key|ciphertext)=/.test(option)))
    throw new UsageError('after PATH and KEY, give only options of the key as K=V, such as type=aes256-gcm96')
  const { key, ...others } = await inputOf(run, [`key=${word}`, ...options])
  return { ...others, key: String(key) }
}

/** The bytes to import: base64, or a private key in PEM. No message contains the input. @throws UsageError */
function materialOf(text: string): Uint8Array {
  const isPem = text.includes('-----BEGIN ')
  const [bytes, ...more] = isPem
    ? (pemBlocks(text, 'PRIVATE KEY') ?? [])
    : [fromBase64(text.replace(/\s+/g, ''))].filter((found) => found !== undefined)
  if (bytes && bytes.length > 0 && more.length === 0) return bytes
  throw new UsageError(
    isPem
      ? 'the key is PEM, but not a single unencrypted PKCS#8 private key ("BEGIN PRIVATE KEY"): nothing was sent\n  next: convert it with openssl pkcs8 -topk8 -nodes'
      : 'the key is not base64: nothing was sent\n  next: give the base64 of its bytes (for key pairs, of PKCS#8 in DER), @FILE with base64 or PEM, or - for standard input',
  )
}

function hashOf(option: unknown = 'SHA256'): OaepHash {
  const hash = oaepHashes.find((name) => typeof option === 'string' && name === option.toLowerCase())
  if (!hash) throw new UsageError('hash_function is SHA1, SHA224, SHA256 (default), SHA384 or SHA512')
  return hash
}

/** The RSA key with which this mount unwraps imported keys. It is fetched even in a dry run of the import. */
async function wrappingKey({ client }: Run, mount: string): Promise<KeyObject> {
  const path = `${mount}/wrapping_key`
  const { body } = await during(`reading ${path}`, client.send('GET', path, undefined, { evenInDryRun: true }))
  const { public_key: pem } = (body?.['data'] ?? {}) as { readonly public_key?: unknown }
  const key = typeof pem === 'string' ? rsaKey(pem) : undefined
  if (!key) throw new ServerError(`the response of ${path} contains no RSA public key`)
  return key
}

function rsaKey(pem: string): KeyObject | undefined {
  try {
    const key = createPublicKey(pem)
    return key.asymmetricKeyType === 'rsa' ? key : undefined
  } catch {
    return undefined
  }
}

const shared = {
  usage: 'PATH KEY [K=V …]',
  args: [2, Infinity],
  shows: ['field', 'format'],
} as const

/** `transit import`, `transit import-version`. KEY is base64 or PEM: itself, `@FILE`, or `-` for standard input. */
export const transitImportCommands: readonly Command[] = [
  {
    ...shared,
    name: 'transit import',
    about:
      'Import a key, wrapped before it is sent. KEY is base64 or PEM: prefer @FILE or - (standard input) to an argument',
    doing: (run) => `importing ${barePath(run.args[0] ?? '')}`,
    run: async (run) => importKey(run, 'import'),
  },
  {
    ...shared,
    name: 'transit import-version',
    about: 'Import a new version of an imported key; KEY as with transit import',
    doing: (run) => `importing a version of ${barePath(run.args[0] ?? '')}`,
    run: async (run) => importKey(run, 'import_version'),
  },
]
