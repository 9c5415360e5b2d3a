import { mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { brotliCompressSync, brotliDecompressSync, constants } from 'node:zlib'
import { temporaryFolder } from '../support/folder.ts'

const packed = resolve('test/parity/corpus')

/** Files of `test/parity/corpus`, and the folders that are packed into each: cases as they were written, answers as they were recorded. */
const packs: Readonly<Record<string, readonly string[]>> = {
  cases: ['cases', 'cli', 'lib'],
  answers: ['golden', 'cli-golden'],
  vectors: ['vectors'],
}

/** The texts of one file of the corpus, by their paths. */
export function textsOf(pack: string): Readonly<Record<string, string>> {
  return JSON.parse(brotliDecompressSync(readFileSync(join(packed, `${pack}.json.br`))).toString()) as Record<string, string> // prettier-ignore
}

/** Transit keys that an OpenBao made, with what they produced: `vectors/README.md` in the unpacked corpus explains them. */
export function transitVectors(): unknown {
  return JSON.parse(textsOf('vectors')['vectors/transit.json'] as string)
}

/** Writes the whole corpus into a folder: cases beside the answers that were recorded. */
export function unpackCorpus(folder: string): void {
  for (const pack of Object.keys(packs))
    for (const [path, text] of Object.entries(textsOf(pack))) {
      mkdirSync(join(folder, dirname(path)), { recursive: true })
      writeFileSync(join(folder, path), text)
    }
}

/** Packs a folder as `unpackCorpus` leaves it; answers without white space. */
export function packCorpus(folder: string): void {
  for (const [pack, folders] of Object.entries(packs)) {
    const paths = folders.flatMap((one) => readdirSync(join(folder, one)).map((name) => `${one}/${name}`)).sort()
    const texts = paths.map((path) => {
      const text = readFileSync(join(folder, path), 'utf8')
      return [path, pack === 'answers' ? JSON.stringify(JSON.parse(text)) : text]
    })
    const whole = JSON.stringify(Object.fromEntries(texts))
    const params = { [constants.BROTLI_PARAM_LGWIN]: 24, [constants.BROTLI_PARAM_SIZE_HINT]: whole.length }
    writeFileSync(join(packed, `${pack}.json.br`), brotliCompressSync(whole, { params }))
  }
}

let unpacked: string | undefined

/** The corpus, unpacked for this process. */
export function corpusFolder(): string {
  if (unpacked === undefined) {
    unpacked = temporaryFolder()
    unpackCorpus(unpacked)
  }
  return unpacked
}
