import { X509Certificate } from 'node:crypto'
import type { Events } from '../../core/telemetry/events.ts'
import type { Clock, Timer } from '../../util/clock.ts'

const day = 86_400_000
/** How long before its end a certificate is told of; one with a short life in its last third. */
const notice = 30 * day

/** When the chain of a listener ends. Epoch milliseconds. */
interface CertificateLife {
  readonly file: string
  readonly notBefore: number
  readonly notAfter: number
}

/** The certificates of the listeners: the log tells daily of those that expire soon. */
export class CertificateWatch {
  readonly #clock: Clock
  readonly #events: Events
  readonly #lives = new Map<string, CertificateLife>()
  #timer: Timer | undefined

  constructor(clock: Clock, events: Events) {
    this.#clock = clock
    this.#events = events
  }

  /** A listener uses these certificates (PEM) from now on. */
  loaded(file: string, pem: string): void {
    const life = lifeOf(pem)
    if (life) {
      this.#lives.set(file, { file, ...life })
      this.#logExpiry({ file, ...life })
    } else this.#lives.delete(file)
  }

  lives(): readonly CertificateLife[] {
    return [...this.#lives.values()]
  }

  start(): void {
    this.#timer = this.#clock.after(day, () => {
      for (const life of this.#lives.values()) this.#logExpiry(life)
      this.start()
    })
  }

  stop(): void {
    this.#timer?.cancel()
  }

  #logExpiry({ file, notBefore, notAfter }: CertificateLife): void {
    const left = notAfter - this.#clock.now()
    const expires = new Date(notAfter).toISOString()
    if (left <= 0) this.#events.tell('certificate_expired', { file, expires })
    else if (left < Math.min(notice, (notAfter - notBefore) / 3))
      this.#events.tell('certificate_expires', { file, expires, days: Math.floor(left / day) })
  }
}

/** Of a chain the certificate that expires first counts. Undefined when only TLS can read it, such as a TRUSTED CERTIFICATE. */
function lifeOf(pem: string): Pick<CertificateLife, 'notBefore' | 'notAfter'> | undefined {
  const chain = pem.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? []
  const lives = chain.map((one) => {
    const { validFrom, validTo } = new X509Certificate(one)
    return { notBefore: Date.parse(validFrom), notAfter: Date.parse(validTo) }
  })
  return lives.reduce<(typeof lives)[number] | undefined>(
    (first, one) => (first && first.notAfter <= one.notAfter ? first : one),
    undefined,
  )
}
