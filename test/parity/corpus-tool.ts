import { packCorpus, unpackCorpus } from './corpus.ts'

/** `node build/test/parity/corpus-tool.js unpack|pack FOLDER`: to read the corpus, and to put it back with more cases or answers. */
const [, , word, folder] = process.argv
if (folder === undefined || (word !== 'pack' && word !== 'unpack')) {
  console.error('usage: corpus-tool.js unpack|pack FOLDER')
  process.exit(2)
}
if (word === 'pack') packCorpus(folder)
else unpackCorpus(folder)
