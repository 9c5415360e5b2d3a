import { spawn, spawnSync } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { certificate } from '../certificate.ts'
import { temporaryFolder } from '../folder.ts'
import { freePort } from '../free-port.ts'
import { terminate } from '../processes/terminate.ts'

const program = '/usr/sbin/slapd'

/** Whether Debian's OpenLDAP server is there. */
export const hasSlapd = (): boolean => existsSync(program)

/** The suffix of its directory. */
export const suffix = 'dc=example,dc=org'

/** An OpenLDAP server of its own in a temporary folder, with its own certificate, for `ldap://` with StartTLS and for `ldaps://`. */
export class Slapd {
  readonly #folder = temporaryFolder()
  readonly #own = certificate()
  #server: ChildProcess | undefined
  #ports: readonly number[] = []

  /** @param entries LDIF */
  constructor(entries: string) {
    mkdirSync(join(this.#folder, 'data'))
    writeFileSync(join(this.#folder, 'cert.pem'), this.#own.cert)
    writeFileSync(join(this.#folder, 'key.pem'), this.#own.key, { mode: 0o600 })
    writeFileSync(this.#config, config(this.#folder))
    writeFileSync(join(this.#folder, 'entries.ldif'), entries)
    const { status, stderr } = spawnSync('/usr/sbin/slapadd', ['-f', this.#config, '-l', join(this.#folder, 'entries.ldif')], { encoding: 'utf8' }) // prettier-ignore
    if (status !== 0) throw new Error(`slapadd: ${stderr}`)
  }

  /** Starts it and waits until both ports answer. @throws with the end of its log when it does not */
  async start(): Promise<this> {
    this.#ports = [await freePort(), await freePort()]
    const words = ['-f', this.#config, '-h', `${this.plain} ${this.secure}`, '-d', 'stats']
    this.#server = spawn(program, words, { stdio: ['ignore', 'ignore', 'pipe'] })
    let log = ''
    const isReady = new Promise<void>((resolve, reject) => {
      this.#server?.stderr?.on('data', (part: Buffer) => {
        log += part.toString()
        if (log.includes('slapd starting')) resolve()
      })
      this.#server?.once('close', () => reject(new Error(`slapd did not start: ${log.slice(-2000)}`)))
    })
    await isReady
    return this
  }

  /** Without TLS at first. */
  get plain(): string {
    return `ldap://127.0.0.1:${this.#ports[0]}`
  }

  get secure(): string {
    return `ldaps://127.0.0.1:${this.#ports[1]}`
  }

  /** PEM of its certificate, which is its own CA. */
  get ca(): string {
    return this.#own.cert
  }

  async stop(): Promise<void> {
    await terminate(this.#server)
  }

  get #config(): string {
    return join(this.#folder, 'slapd.conf')
  }
}

/**
 * The account that searches reads everything; everybody reads what is below `ou=open`. Searches without pages end after 100
 * entries. `memberOf` of a user holds its groups, nested ones included.
 */
const config = (folder: string): string => `
include /etc/ldap/schema/core.schema
include /etc/ldap/schema/cosine.schema
include /etc/ldap/schema/inetorgperson.schema
include /etc/ldap/schema/dyngroup.schema
attributetype ( 1.2.840.113556.1.4.656 NAME 'userPrincipalName' EQUALITY caseIgnoreMatch
  SYNTAX 1.3.6.1.4.1.1466.115.121.1.15 SINGLE-VALUE )

modulepath /usr/lib/ldap
moduleload back_mdb.la
moduleload dynlist.la
TLSCertificateFile ${folder}/cert.pem
TLSCertificateKeyFile ${folder}/key.pem
allow bind_anon_cred bind_anon_dn

database mdb
suffix "${suffix}"
directory ${folder}/data
sizelimit size.soft=100 size.hard=100 size.prtotal=unlimited
access to attrs=userPassword by anonymous auth by * none
access to dn.subtree="ou=open,${suffix}" by * read
access to * by dn.exact="cn=searcher,${suffix}" read by self read by * none

overlay dynlist
dynlist-attrset groupOfURLs memberURL member+memberOf@groupOfNames*
`
