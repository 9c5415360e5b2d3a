import {
  AndFilter, BerReader, BindRequest, EqualityFilter, ExtensibleFilter, NotFilter, OrFilter, PresenceFilter, SearchRequest, SubstringFilter,
} from 'ldapts' // prettier-ignore
import type { Filter } from 'ldapts'
import { createServer } from 'node:net'
import type { AddressInfo, Server, Socket } from 'node:net'
import { createSecureContext, createServer as createTlsServer, TLSSocket } from 'node:tls'

/** An entry of the directory: its attributes by name, with the values. */
export type TestEntry = Readonly<Record<string, readonly (string | Buffer)[]>>

/** How the server listens. */
export interface LdapOptions {
  /** PEM. */
  readonly cert?: string
  readonly key?: string
  /** TLS from the beginning. Otherwise by StartTLS, where there is a certificate. */
  readonly isSecure?: boolean
}

/** One request, as the server has seen it. */
export interface Seen {
  readonly kind: 'bind' | 'search' | 'starttls'
  readonly dn: string
  readonly password?: string
  readonly filter?: string
  readonly isSecure: boolean
}

const ber = (tag: number, ...parts: readonly (Buffer | string)[]): Buffer => {
  const content = Buffer.concat(parts.map((part) => (typeof part === 'string' ? Buffer.from(part) : part)))
  const { length } = content
  const size = length < 128 ? [length] : [0x83, length >> 16, (length >> 8) & 255, length & 255]
  return Buffer.concat([Buffer.from([tag, ...size]), content])
}
const int = (value: number, tag = 0x02): Buffer =>
  ber(tag, Buffer.from(value < 128 ? [value] : [value >> 24, (value >> 16) & 255, (value >> 8) & 255, value & 255]))

/** A message with the result of an operation (RFC 4511 section 4.1.9). */
export const ldapResult = (id: number, tag: number, code: number, ...controls: readonly Buffer[]): Buffer =>
  ber(0x30, int(id), ber(tag, int(code, 0x0a), ber(4), ber(4)), ...controls)

/** A message with an entry. */
export const ldapEntry = (id: number, dn: string, attributes: TestEntry): Buffer =>
  ber(0x30, int(id), ber(0x64, ber(4, dn), ber(0x30, ...Object.entries(attributes).map(([type, values]) =>
    ber(0x30, ber(4, type), ber(0x31, ...values.map((value) => ber(4, value)))),
  )))) // prettier-ignore

/** A message with a referral that a search came upon. */
const reference = (id: number): Buffer => ber(0x30, int(id), ber(0x73, ber(4, 'ldap://127.0.0.1:1/dc=other')))

const dnKey = (dn: string): string => dn.toLowerCase()
const textOf = (value: string | Buffer): string => value.toString().toLowerCase()

/** A small LDAP server on a real socket: binds, searches, StartTLS, pages. Entries have their password in `userPassword`. */
export class LdapServer {
  readonly entries = new Map<string, TestEntry>()
  readonly seen: Seen[] = []
  /** Answers in place of the server; undefined: as usual. */
  override: ((kind: Seen['kind'], id: number, socket: Socket) => boolean) | undefined
  readonly #server: Server
  readonly #sockets = new Set<Socket>()
  readonly #options: LdapOptions

  constructor(options: LdapOptions = {}) {
    this.#options = options
    const serve = (socket: Socket): void => this.#serve(socket)
    this.#server = options.isSecure
      ? createTlsServer({ cert: options.cert, key: options.key }, serve)
      : createServer(serve)
  }

  async start(): Promise<this> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve))
    return this
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port
  }

  get url(): string {
    return `${this.#options.isSecure ? 'ldaps' : 'ldap'}://127.0.0.1:${this.port}`
  }

  add(dn: string, entry: TestEntry): void {
    this.entries.set(dnKey(dn), { ...entry, dn: [dn] })
  }

  async stop(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy()
    await new Promise((resolve) => this.#server.close(resolve))
  }

  #serve(socket: Socket): void {
    let bytes: Buffer = Buffer.alloc(0)
    this.#sockets.add(socket)
    socket.on('error', () => {})
    socket.on('close', () => this.#sockets.delete(socket))
    socket.on('data', (part: Buffer) => {
      bytes = Buffer.concat([bytes, part])
      for (;;) {
        const reader = new BerReader(bytes)
        if (reader.readSequence() === null || reader.remain < reader.length) return
        const end = reader.offset + reader.length
        reader.setBufferSize(end)
        bytes = bytes.subarray(end)
        this.#handle(socket, reader)
      }
    })
  }

  #handle(socket: Socket, reader: BerReader): void {
    const id = reader.readInt() ?? 0
    const tag = reader.readSequence()
    const isSecure = socket instanceof TLSSocket
    if (tag === 0x60) {
      const request = new BindRequest({ messageId: id })
      request.parse(reader, [])
      this.seen.push({ kind: 'bind', dn: request.dn, password: request.password, isSecure })
      if (this.override?.('bind', id, socket)) return
      socket.write(ldapResult(id, 0x61, this.#mayBind(request) ? 0 : 49))
    } else if (tag === 0x63) {
      const request = new SearchRequest({ messageId: id, filter: new PresenceFilter() })
      request.parse(reader, [])
      this.seen.push({ kind: 'search', dn: request.baseDN, filter: request.filter.toString(), isSecure })
      if (this.override?.('search', id, socket)) return
      this.#search(socket, id, request)
    } else if (tag === 0x77) {
      this.seen.push({ kind: 'starttls', dn: '', isSecure })
      if (this.override?.('starttls', id, socket)) return
      this.#startTls(socket, id)
    } else socket.destroy()
  }

  #mayBind({ dn, password }: BindRequest): boolean {
    if (password === '') return true
    return this.entries.get(dnKey(dn))?.['userPassword']?.includes(password) ?? false
  }

  #startTls(socket: Socket, id: number): void {
    const { cert, key } = this.#options
    if (cert === undefined || key === undefined) return void socket.write(ldapResult(id, 0x78, 2))
    socket.removeAllListeners('data')
    socket.write(ldapResult(id, 0x78, 0))
    this.#serve(new TLSSocket(socket, { isServer: true, secureContext: createSecureContext({ cert, key }) }))
  }

  #search(socket: Socket, id: number, request: SearchRequest): void {
    const base = request.baseDN.toLowerCase()
    const found = [...this.entries]
      .filter(([dn]) =>
        request.scope === 'base' ? dn === base : base === '' || dn === base || dn.endsWith(`,${base}`),
      )
      .filter(([, entry]) => matches(request.filter, entry, this.entries))
    const wanted = request.sizeLimit > 0 ? found.slice(0, request.sizeLimit) : found
    socket.write(reference(id))
    for (const [, entry] of wanted) {
      const shown = Object.entries(entry).filter(([type]) => request.attributes.includes(type.toLowerCase()))
      socket.write(ldapEntry(id, String(entry['dn']?.[0]), Object.fromEntries(shown)))
    }
    socket.write(ldapResult(id, 0x65, wanted.length < found.length ? 4 : 0))
  }
}

/** Whether an entry passes a filter. Letter case does not count. The rule in-chain follows `member` (MS-ADTS). */
function matches(filter: Filter, entry: TestEntry, entries: ReadonlyMap<string, TestEntry>): boolean {
  const values = (attribute: string): string[] =>
    Object.entries(entry).flatMap(([type, all]) =>
      type.toLowerCase() === attribute.toLowerCase() ? all.map(textOf) : [],
    )
  if (filter instanceof AndFilter) return filter.filters.every((one) => matches(one, entry, entries))
  if (filter instanceof OrFilter) return filter.filters.some((one) => matches(one, entry, entries))
  if (filter instanceof NotFilter) return !matches(filter.filter, entry, entries)
  // Its attribute is not known: ldapts reads it from the wrong place.
  if (filter instanceof PresenceFilter) return true
  if (filter instanceof EqualityFilter) return values(filter.attribute).includes(textOf(filter.value))
  if (filter instanceof SubstringFilter)
    return values(filter.attribute).some((value) => value.startsWith(filter.initial.toLowerCase()))
  if (filter instanceof ExtensibleFilter && filter.rule === '1.2.840.113556.1.4.1941') {
    const reached = new Set(values(filter.matchType))
    for (const dn of reached)
      for (const member of entries.get(dn)?.[filter.matchType] ?? []) reached.add(textOf(member))
    return reached.has(filter.value.toLowerCase())
  }
  return false
}
