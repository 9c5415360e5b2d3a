import { Readable } from 'node:stream'
import { gunzipSync, gzipSync } from 'node:zlib'
import { expect } from 'chai'
import * as fc from 'fast-check'
import { Fault } from '../../src/contract/fault.ts'
import type { Entry } from '../../src/contract/storage.ts'
import { readSnapshot } from '../../src/snapshot/read.ts'
import type { ReadSnapshot } from '../../src/snapshot/read.ts'
import { measure, names, sealText, sha256, sumsText } from '../../src/snapshot/sums.ts'
import { tarEnd, tarHeader, tarPadding } from '../../src/snapshot/tar.ts'
import { recordBytes } from '../../src/snapshot/records.ts'
import { snapshotFile } from '../../src/snapshot/write.ts'

const mac = Buffer.alloc(32, 7)
const entry = (key: string, value: Uint8Array | string = 'v', rev = 1n): Entry => ({ key, value: Buffer.from(value), rev }) // prettier-ignore
const entries = [entry('digest'), ...Array.from({ length: 700 }, (_, at) => entry(`e/${String(at).padStart(4, '0')}`, Buffer.alloc(at, at))), entry('keyring'), entry('seal', '{}', 9n)] // prettier-ignore

async function* pages(all: readonly Entry[]): AsyncGenerator<readonly Entry[]> {
  for (let at = 0; at < all.length; at += 100) yield all.slice(at, at + 100)
}

const meta = { format: 1, created: '2026-12-01T10:00:00Z', release: '1.0.0', cluster_name: 'c', cluster_id: 'i', seal: { type: 'shamir', shares: 3, threshold: 2 }, revision: '9', audit_heads: { 'file/': '3:x' } } as const // prettier-ignore

async function snapshot(all: readonly Entry[] = entries): Promise<Buffer> {
  const { sha256: sum, records, bytes } = await measure(pages(all))
  const content = { meta: { ...meta, records, bytes }, sha256: sum, entries: () => pages(all), mac: () => mac }
  let closed = 0
  const parts: Buffer[] = []
  for await (const part of snapshotFile(content, () => closed++)) parts.push(part as Buffer)
  expect(closed).to.equal(1)
  return Buffer.concat(parts)
}

/** Bytes in pieces of any size. */
async function* cut(bytes: Uint8Array, size = 1000): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size)
}

async function read(bytes: Uint8Array, size?: number): Promise<ReadSnapshot & { readonly found: Entry[] }> {
  const found: Entry[] = []
  const add = (more: readonly Entry[]): void => void found.push(...more.map((one) => ({ ...one, value: Buffer.from(one.value) }))) // prettier-ignore
  return { found, ...(await readSnapshot(cut(bytes, size), { add })) }
}

/** The message of the refusal. @throws whatever else happens */
async function refusal(bytes: Uint8Array): Promise<string> {
  try {
    await read(bytes)
  } catch (thrown) {
    if (thrown instanceof Fault && thrown.code === 'invalid_request') return thrown.message
    throw thrown
  }
  throw new Error('it was taken')
}

/** A snapshot of whatever content, with sums that are right. */
function made(options: {
  readonly meta?: object
  readonly state?: Buffer
  readonly files?: (all: readonly (readonly [string, Buffer])[]) => readonly (readonly [string, Buffer])[]
}): Buffer {
  // prettier-ignore
  const state = options.state ?? recordBytes(entries)
  const description = Buffer.from(JSON.stringify({ ...meta, records: entries.length, bytes: state.length, ...options.meta })) // prettier-ignore
  const sums = Buffer.from(sumsText(sha256(description), sha256(state)))
  const files = [[names.meta, description], [names.state, state], [names.sums, sums], [names.seal, Buffer.from(sealText(mac))]] as const // prettier-ignore
  const parts = (options.files?.(files) ?? files).flatMap(([name, content]) => [tarHeader(name, content.length, 1), content, tarPadding(content.length)]) // prettier-ignore
  return gzipSync(Buffer.concat([...parts, tarEnd]))
}

describe('a snapshot', () => {
  it('is read back as it was written, in pieces of any size', async () => {
    const file = await snapshot()
    for (const size of [1, 511, 4096, file.length]) {
      const { found, sha256: sum } = await read(file, size)
      expect(found).to.deep.equal(entries)
      expect(sum).to.equal((await measure(pages(entries))).sha256)
    }
    expect((await read(made({}))).found).to.deep.equal(entries)
  })

  it('with any bit flipped in its archive is refused, or has another seal, which its keys tell', async function () {
    this.timeout(60_000)
    const few = entries.slice(0, 5)
    const archive = gunzipSync(await snapshot(few))
    const right = await read(gzipSync(archive))
    await fc.assert(
      fc.asyncProperty(fc.nat(archive.length - 1), fc.nat(7), async (at, bit) => {
        const changed = Buffer.from(archive)
        changed.writeUInt8(changed.readUInt8(at) ^ (1 << bit), at)
        const found = await read(gzipSync(changed, { level: 0 })).catch((thrown: unknown) => thrown)
        if (found instanceof Fault) {
          expect(found.code).to.equal('invalid_request')
          return
        }
        const { mac: seal, ...content } = found as typeof right
        const { mac: rightSeal, ...rightContent } = right
        expect(content).to.deep.equal(rightContent)
        // The sum in a header of tar has digits that may also be blanks.
        if (Buffer.from(seal).equals(rightSeal)) expect(at % 512).to.be.within(148, 155)
      }),
      { numRuns: 300 },
    )
  })

  it('with any byte of the file changed is refused, or reads the same', async function () {
    this.timeout(60_000)
    const few = entries.slice(0, 40)
    const file = await snapshot(few)
    await fc.assert(
      fc.asyncProperty(fc.nat(file.length - 1), fc.integer({ min: 1, max: 255 }), async (at, by) => {
        const changed = Buffer.from(file)
        changed.writeUInt8(changed.readUInt8(at) ^ by, at)
        const found = await read(changed).catch((thrown: unknown) => thrown)
        if (!(found instanceof Fault)) expect((found as { found: unknown }).found).to.deep.equal(few)
      }),
      { numRuns: 300 },
    )
  })

  it('that is cut anywhere is refused', async function () {
    this.timeout(60_000)
    const file = await snapshot(entries.slice(0, 60))
    for (let length = 0; length < file.length; length += 7) await refusal(file.subarray(0, length))
    const archive = gunzipSync(file)
    for (let length = 0; length < archive.length - 512; length += 97) await refusal(gzipSync(archive.subarray(0, length))) // prettier-ignore
  })

  it('of a later release says so', async () => {
    expect(await refusal(made({ meta: { format: 2, seal: 'other' } }))).to.include('later release (format 2)')
  })

  it('has these files in this order and no others: nothing is taken by its name', async () => {
    const odd = [['../../etc/passwd', Buffer.from('x')], ['/etc/passwd', Buffer.from('x')], ['meta.json', Buffer.from('{}')]] as const // prettier-ignore
    for (const one of odd)
      for (const at of [0, 1, 2, 3, 4])
        expect(await refusal(made({ files: (all) => [...all.slice(0, at), one, ...all.slice(at)] }))).to.match(/snapshot/) // prettier-ignore
    for (const at of [0, 1, 2, 3]) await refusal(made({ files: (all) => all.filter((_, one) => one !== at) }))
    await refusal(made({ files: (all) => all.toReversed() }))
    for (const type of ['1', '2', '5', 'L', 'x']) {
      const archive = gunzipSync(made({}))
      archive.write(type, 156, 'latin1')
      const sum = archive.subarray(0, 512).reduce((total, byte, at) => total + (at >= 148 && at < 156 ? 32 : byte), 0)
      archive.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1')
      expect(await refusal(gzipSync(archive)), type).to.include('something else than plain files')
    }
  })

  it('with records that strongroom does not store is refused', async () => {
    const states = {
      '!rev': recordBytes([entry('!rev')]),
      restored: recordBytes([entry('restored')]),
      'a name of another kind': recordBytes([entry('e/../x')]),
      'an empty name': recordBytes([entry('')]),
      'wrong order': recordBytes([entry('e/b'), entry('e/a')]),
      'one twice': recordBytes([entry('e/a'), entry('e/a')]),
      'revision 0': recordBytes([entry('e/a', 'v', 0n)]),
      'a later revision': recordBytes([entry('e/a', 'v', 10n)]),
      'a long name': recordBytes([entry(`e/${'x'.repeat(20_000)}`)]),
      'a long value': Buffer.concat([Buffer.from([0, 3]), Buffer.from('e/a'), Buffer.alloc(8, 0), Buffer.from([0x7f, 0xff, 0xff, 0xff])]), // prettier-ignore
      'half a record': recordBytes([entry('e/a')]).subarray(0, -1),
    }
    for (const [name, state] of Object.entries(states)) {
      const records = name.startsWith('half') ? 0 : name === 'wrong order' || name === 'one twice' ? 2 : 1
      expect(await refusal(made({ state, meta: { records } })), name).to.include('changed or is damaged')
    }
  })

  it('with counts, lengths or sums that do not fit is refused', async () => {
    for (const wrong of [
      { records: 1 },
      { bytes: 1 },
      { bytes: 1e15 },
      { records: -1 },
      { revision: '-1' },
      { revision: '99999999999999999999' },
      { seal: null },
      { audit_heads: 'x' },
    ])
      // prettier-ignore
      await refusal(made({ meta: wrong }))
    for (const at of [2, 3])
      for (const content of ['', 'x', '\0'.repeat(10_000), '{"hmac-sha256":"AAAA"}\n'])
        await refusal(made({ files: (all) => all.map((one, here) => (here === at ? [one[0], Buffer.from(content)] : one)) })) // prettier-ignore
    for (const bytes of [
      Buffer.from('no snapshot'),
      gzipSync('no snapshot'),
      gzipSync(Buffer.alloc(100_000)),
      Buffer.alloc(0),
    ])
      // prettier-ignore
      await refusal(bytes)
  })

  it('fails with the reason when its source fails, and closes its source when nobody reads on', async () => {
    const failing = new Readable({ read: () => void failing.destroy(new Error('the disk is gone')) })
    expect(await readSnapshot(failing).catch((thrown: Error) => thrown.message)).to.equal('the disk is gone')
    let closed = 0
    const { sha256: sum, records, bytes } = await measure(pages(entries))
    const content = { meta: { ...meta, records, bytes }, sha256: sum, entries: () => pages(entries), mac: () => mac }
    snapshotFile(content, () => closed++).destroy()
    await new Promise(setImmediate)
    expect(closed).to.equal(1)
  })

  it('is not finished when the records are others at the second reading', async () => {
    const { records, bytes } = await measure(pages(entries))
    const content = { meta: { ...meta, records, bytes }, sha256: 'other', entries: () => pages(entries), mac: () => mac } // prettier-ignore
    const failed = await Readable.from(snapshotFile(content, () => {})).toArray().catch((thrown: Error) => thrown.message) // prettier-ignore
    expect(failed).to.equal('the snapshot changed while it was written')
  })
})
