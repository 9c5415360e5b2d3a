import { once } from 'node:events'
import { createServer, request } from 'node:http'
import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'

/** An address in front of an HTTP server that stops answering when it is shut. */
export class Gate {
  readonly #server: Server
  isOpen = true

  private constructor(server: Server) {
    this.#server = server
  }

  static async before(target: string): Promise<Gate> {
    const server = createServer((asked, answer) => {
      if (!gate.isOpen) return void asked.socket.destroy()
      const { method = 'GET', url = '/', headers } = asked
      // With the Host of the gate, which is signed.
      const forwarded = request(target, { path: url, method, headers }, (response) => {
        answer.writeHead(response.statusCode ?? 502, response.headers)
        response.pipe(answer)
      })
      forwarded.on('error', () => asked.socket.destroy())
      asked.pipe(forwarded)
    })
    const gate = new Gate(server)
    await once(server.listen(0, '127.0.0.1'), 'listening')
    return gate
  }

  get address(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  close(): void {
    this.#server.closeAllConnections()
    this.#server.close()
  }
}
