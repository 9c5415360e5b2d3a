import { crc32, deflateSync } from 'node:zlib'
import { refuse } from '../../contract/fault.ts'
import { base64, concat, utf8 } from '../../util/bytes.ts'

/** The widest barcode, pixels. */
const widest = 2048

/** The most bytes of the content: the code of a longer one holds the event loop for too long. */
const mostBytes = 1200

/** The white border that readers need, in modules. */
const quietZone = 4

type Modules = readonly (readonly boolean[])[]

/**
 * A string as a QR code: a black and white PNG in base64.
 * @param size width and height in pixels; if it is small, the code has no white border of its own
 * @throws Fault invalid_request if the string or the size does not fit
 */
export async function barcodeOf(text: string, size: number): Promise<string> {
  if (size > widest) throw refuse(`the qr_size value must not be greater than ${widest}`)
  const { encode } = await import('uqr')
  if (utf8(text).length > mostBytes) throw tooLong()
  const modules = modulesOf(() => encode(text, { ecc: 'M', border: 0 }).data)
  const scale = Math.floor(size / (modules.length + 2 * quietZone)) || Math.floor(size / modules.length)
  if (scale === 0)
    throw refuse(`a barcode of this key is at least ${modules.length} pixels wide: set a larger qr_size, or 0 for none`)
  return base64(png(size, pixelsOf(modules, size, scale)))
}

function modulesOf(encode: () => Modules): Modules {
  try {
    return encode()
  } catch {
    throw tooLong()
  }
}

const tooLong = () => refuse('key and names do not fit into a barcode: shorten them, or set qr_size to 0')

/** The rows of the picture, each with its filter byte, then one bit for each pixel: 1 is white. */
function pixelsOf(modules: Modules, size: number, scale: number): Uint8Array {
  const margin = Math.floor((size - modules.length * scale) / 2)
  const rowOf = (row: readonly boolean[]): Uint8Array => {
    const pixels = new Uint8Array(1 + Math.ceil(size / 8))
    for (let x = 0; x < size; x++) {
      const at = 1 + (x >> 3)
      if (!row[Math.floor((x - margin) / scale)]) pixels[at] = (pixels[at] ?? 0) | (128 >> (x & 7))
    }
    return pixels
  }
  const [white, rows] = [rowOf([]), modules.map(rowOf)]
  return concat(...Array.from({ length: size }, (_, y) => rows[Math.floor((y - margin) / scale)] ?? white))
}

function png(size: number, rows: Uint8Array): Uint8Array {
  const header = new DataView(new ArrayBuffer(13))
  header.setUint32(0, size)
  header.setUint32(4, size)
  // One bit for each pixel, grey.
  header.setUint8(8, 1)
  const signature = Uint8Array.of(137, 80, 78, 71, 13, 10, 26, 10)
  const ends = [chunk('IHDR', new Uint8Array(header.buffer)), chunk('IEND', new Uint8Array())] as const
  return concat(signature, ends[0], chunk('IDAT', deflateSync(rows)), ends[1])
}

function chunk(type: string, data: Uint8Array): Uint8Array {
  const [length, checksum] = [new DataView(new ArrayBuffer(4)), new DataView(new ArrayBuffer(4))]
  const body = concat(utf8(type), data)
  length.setUint32(0, data.length)
  checksum.setUint32(0, crc32(body))
  return concat(new Uint8Array(length.buffer), body, new Uint8Array(checksum.buffer))
}
