import { expect } from 'chai'
import * as fc from 'fast-check'
import { Duplex } from 'node:stream'
import type { Socket } from 'node:net'
import { Channel } from '../../../src/storage/socket/channel.ts'

/** A socket that keeps what is written to it, and whose reads the test pushes. */
class Wire extends Duplex {
  readonly written: Buffer[] = []

  override _read(): void {}

  override _write(chunk: Buffer, _: BufferEncoding, done: () => void): void {
    this.written.push(chunk)
    done()
  }

  destroySoon(): void {
    this.destroy()
  }
}

const turn = async (): Promise<void> => new Promise((resolve) => setImmediate(resolve))
const channel = (wire: Wire, received: (message: unknown) => void): Channel<unknown, unknown> =>
  new Channel(wire as unknown as Socket, received, () => {})

/** The bytes of messages, each sent in a turn of its own. */
async function framesOf(messages: readonly unknown[]): Promise<Buffer> {
  const wire = new Wire()
  const sender = channel(wire, () => {})
  for (const message of messages) {
    sender.send(message)
    await turn()
  }
  return Buffer.concat(wire.written)
}

describe('messages over a socket', () => {
  it('arrive whole and in order, wherever the bytes are cut', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.record({ text: fc.string(), bytes: fc.uint8Array({ maxLength: 300 }) }), { maxLength: 6 }),
        fc.array(fc.integer({ min: 1, max: 70 }), { minLength: 1, maxLength: 20 }),
        async (messages, sizes) => {
          const bytes = await framesOf(messages)
          const got: unknown[] = []
          const wire = new Wire()
          channel(wire, (message) => got.push(message))
          for (let at = 0, cut = 0; at < bytes.length; cut++) {
            const size = sizes[cut % sizes.length] ?? 1
            wire.push(bytes.subarray(at, at + size))
            at += size
            await turn()
          }
          expect(got.map((one) => JSON.stringify(one))).to.deep.equal(messages.map((one) => JSON.stringify(one)))
        },
      ),
      { numRuns: 60 },
    )
  })

  it('copy a long frame once, however many pieces it comes in', async () => {
    const message = { bytes: new Uint8Array(8 * 1024 * 1024) }
    const bytes = await framesOf([message])
    const wire = new Wire()
    const got: unknown[] = []
    channel(wire, (one) => got.push(one))
    let copied = 0
    const concat = Buffer.concat.bind(Buffer)
    Buffer.concat = (list, total) => {
      const joined = concat(list, total)
      copied += joined.length
      return joined
    }
    try {
      for (let at = 0; at < bytes.length; at += 16 * 1024) {
        wire.push(bytes.subarray(at, at + 16 * 1024))
        await turn()
      }
    } finally {
      Buffer.concat = concat
    }
    expect(got).to.have.length(1)
    expect(copied).to.be.at.most(bytes.length)
  })

  it('end the connection when a length is more than a frame may have', async () => {
    const wire = new Wire()
    channel(wire, () => {})
    wire.push(Buffer.from([0xff, 0xff, 0xff, 0xff, 0]))
    await turn()
    expect(wire.destroyed).to.equal(true)
  })
})
