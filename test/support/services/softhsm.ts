import { spawnSync } from 'node:child_process'
import { generateKeyPairSync, randomBytes } from 'node:crypto'
import { existsSync, mkdirSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { temporaryFolder } from '../folder.ts'

const library = '/usr/lib/softhsm/libsofthsm2.so'
const tool = '/usr/bin/softhsm2-util'

/** Whether Debian's SoftHSM is there. */
export const hasSoftHsm = (): boolean => existsSync(library) && existsSync(tool)

/** Tokens of SoftHSM in a folder. The library finds them by SOFTHSM2_CONF, which this sets for the whole process. */
export class SoftHsm {
  readonly folder = temporaryFolder()
  readonly lib = library
  readonly pin = '1234'

  constructor() {
    mkdirSync(this.#tokens)
    writeFileSync(
      this.config,
      `directories.tokendir = ${this.#tokens}\nobjectstore.backend = file\nlog.level = ERROR\n`,
    )
    process.env['SOFTHSM2_CONF'] = this.config
  }

  /** What SOFTHSM2_CONF names. */
  get config(): string {
    return join(this.folder, 'softhsm2.conf')
  }

  /** A new token. */
  token(label: string): this {
    this.#run('--init-token', '--free', '--label', label, '--pin', this.pin, '--so-pin', '5678')
    return this
  }

  aesKey(token: string, label: string, id: string): this {
    // The tool reads a key up to its first zero byte: hexadecimal has none.
    writeFileSync(join(this.folder, 'key'), randomBytes(16).toString('hex'))
    return this.#import(token, label, id, '--aes')
  }

  rsaKey(token: string, label: string, id: string, bits = 2048): this {
    const { privateKey } = generateKeyPairSync('rsa', { modulusLength: bits })
    writeFileSync(join(this.folder, 'key'), privateKey.export({ type: 'pkcs8', format: 'pem' }))
    return this.#import(token, label, id)
  }

  /** Takes the tokens away, as when somebody pulls the HSM out, until they are put back. */
  pull(): () => void {
    const aside = `${this.#tokens}.aside`
    renameSync(this.#tokens, aside)
    mkdirSync(this.#tokens)
    return () => {
      renameSync(this.#tokens, `${this.#tokens}.empty.${randomBytes(4).toString('hex')}`)
      renameSync(aside, this.#tokens)
    }
  }

  /** A `seal` block. */
  block(token: string, more: string): string {
    return `seal "pkcs11" {\n lib = "${library}"\n token_label = "${token}"\n pin = "${this.pin}"\n ${more}\n}`
  }

  get #tokens(): string {
    return join(this.folder, 'tokens')
  }

  #import(token: string, label: string, id: string, ...more: readonly string[]): this {
    this.#run(
      '--import',
      join(this.folder, 'key'),
      '--token',
      token,
      '--label',
      label,
      '--id',
      id,
      '--pin',
      this.pin,
      ...more,
    )
    return this
  }

  #run(...words: readonly string[]): void {
    const { status, stdout, stderr } = spawnSync(tool, words, { encoding: 'utf8' })
    if (status !== 0) throw new Error(`softhsm2-util: ${stdout}${stderr}`)
  }
}
