import type { X509Certificate } from 'node:crypto'
import type { Duplex } from 'node:stream'
import { TLSSocket } from 'node:tls'
import { LRUCache } from 'lru-cache'
import { base64 } from '../../util/bytes.ts'

/** The most certificates of a client that are read: its own and those of intermediate authorities. */
const most = 10

/** Bytes (base64) of the intermediate certificates that are stored for resumed sessions. */
const keptBytes = 16 * 1024 * 1024

const none: readonly string[] = []

/**
 * The certificates that clients have sent in TLS handshakes. A resumed session has the client's own certificate, but not those of
 * intermediate authorities that came with it: these are kept by the client's certificate. They prove nothing by themselves.
 */
export class ClientCertificates {
  readonly #bySocket = new WeakMap<Duplex, readonly string[]>()
  readonly #intermediates = new LRUCache<string, readonly string[]>({
    maxSize: keptBytes,
    sizeCalculation: (chain, own) => own.length + chain.reduce((sum, one) => sum + one.length, 1),
  })

  /** Called once for each connection, after its handshake. */
  add(socket: Duplex): void {
    const own = socket instanceof TLSSocket ? socket.getPeerX509Certificate() : undefined
    if (own === undefined) return
    const [leaf = '', ...sent] = chainFrom(own)
    const isResumed = (socket as TLSSocket).isSessionReused()
    if (!isResumed) this.#intermediates.set(leaf, sent)
    const intermediates = isResumed ? (this.#intermediates.get(leaf) ?? none) : sent
    this.#bySocket.set(socket, [leaf, ...intermediates])
  }

  /** The DER of the certificates, base64, the client's own first; empty when it has sent none. */
  of(socket: Duplex): readonly string[] {
    return this.#bySocket.get(socket) ?? none
  }
}

function chainFrom(own: X509Certificate): readonly string[] {
  const chain: string[] = []
  for (let one: X509Certificate | undefined = own; one && chain.length < most; one = one.issuerCertificate)
    chain.push(base64(one.raw))
  return chain
}
