import { generateKeyPairSync } from 'node:crypto'
import { expect } from 'chai'
import { checkpointText, readCheckpoint } from '../../../src/audit/checkpoints/checkpoint.ts'
import {
  archiveOf,
  checkpointFileOf,
  checkpointRecord,
  mayCover,
  rangedKeyLine,
  readCheckpoints,
  readRangedKeys,
} from '../../../src/audit/checkpoints/checkpoint-file.ts'
import { noteText, readNote } from '../../../src/audit/checkpoints/note.ts'
import type { Note } from '../../../src/audit/checkpoints/note.ts'
import { ed25519Signer, mlDsa44Signer, signersOf } from '../../../src/audit/checkpoints/note-keys.ts'
import { readVkey, vkeyText } from '../../../src/audit/checkpoints/verifier-key.ts'
import { proofText, readProof } from '../../../src/audit/checkpoints/proof-file.ts'

/** The example of C2SP signed-note. */
const vkey = 'example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k'
const example = `This is an example message.

— example.com/foo Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=
`
const name = 'strongroom/file/00112233445566778899aabbccddeeff'
const signers = [
  ed25519Signer(name, generateKeyPairSync('ed25519').privateKey),
  mlDsa44Signer(name, Buffer.alloc(32, 7), () => 1_790_000_000_000),
] as const
const keys = signers.map(({ key }) => key)
const text = checkpointText({ origin: name, size: 20852163, root: Buffer.alloc(32, 9) })
const signed = (body = text): Note => ({ text: body, signatures: signers.map((signer) => signer.sign(body)) })
const key = (written: string) => {
  const found = readVkey(written)
  if (!found) throw new Error('not a vkey')
  return found
}

describe('signed notes', () => {
  it('verifies the example of the specification, and writes it unchanged', () => {
    const note = readNote(Buffer.from(example)) as Note
    expect(signersOf(note, [key(vkey)])).to.deep.equal([key(vkey)])
    expect(noteText(note)).to.equal(example)
    expect(vkeyText(key(vkey))).to.equal(vkey)
  })

  it('ignores unknown keys, and refuses a note with a wrong signature of a known key', () => {
    const note = signed()
    expect(signersOf(note, [key(vkey)])).to.deep.equal([])
    expect(signersOf(note, keys)).to.deep.equal(keys)
    expect(signersOf({ ...note, text: text.replace('20852163', '20852164') }, keys)).to.equal(undefined)
    for (const at of [0, 1]) {
      const { bytes } = note.signatures[at] as Note['signatures'][number]
      for (const place of [0, 7, 8, bytes.length - 1]) {
        const wrong = Uint8Array.from(bytes, (byte, index) => (index === place ? byte ^ 1 : byte))
        const signatures = note.signatures.with(at, {
          ...(note.signatures[at] as Note['signatures'][number]),
          bytes: wrong,
        })
        expect(signersOf({ text, signatures }, keys), `signature ${at}, byte ${place}`).to.equal(undefined)
      }
      const short = note.signatures.with(at, {
        ...(note.signatures[at] as Note['signatures'][number]),
        bytes: bytes.subarray(1),
      })
      expect(signersOf({ text, signatures: short }, keys)).to.equal(undefined)
    }
  })

  it('reads its own output, and refuses everything else', () => {
    const note = signed()
    expect(readNote(noteText(note))).to.deep.equal(note)
    const [first = '', ...rest] = noteText(note).split('\n')
    for (const wrong of [
      '',
      'text\n',
      example.slice(0, -1),
      example.replace('— ', '- '),
      example.replace('Uw2Q', 'Uw2\u0001'),
      example.replace('example.com/foo U', 'example.com/ foo U'),
      example.replace('aQM=', 'aQM'),
      example.replace('aQM=', 'aQN='),
      `${example}\n`,
      `${first}\u0000\n${rest.join('\n')}`,
      `${example}${'— a AAAAAAA=\n'.repeat(100)}`,
    ])
      expect(readNote(wrong), JSON.stringify(wrong).slice(0, 60)).to.equal(undefined)
    expect(readNote(Buffer.concat([Buffer.from([0xff]), Buffer.from(example)]))).to.equal(undefined)
    expect(readNote(`${example}${'— example.com/x AAAAAAA=\n'.repeat(20)}`)?.signatures).to.have.length(21)
  })

  it('reads keys strictly', () => {
    for (const { key: one } of signers) expect(readVkey(vkeyText(one))).to.deep.equal(one)
    for (const wrong of [
      '',
      vkey.replace('530d903a', '530d903b'),
      vkey.slice(0, -1),
      `${vkey}A`,
      ` ${vkey}`,
      vkey.replace('+Aeky', '+Beky'),
    ])
      expect(readVkey(wrong), wrong).to.equal(undefined)
  })
})

describe('checkpoints', () => {
  it('are read as they are written', () => {
    expect(checkpointText(readCheckpoint(text) as NonNullable<ReturnType<typeof readCheckpoint>>)).to.equal(text)
    expect(readCheckpoint(`${text}an extension\n`)?.size).to.equal(20852163)
    for (const wrong of [
      text.slice(0, -1),
      text.replace('20852163', '020852163'),
      text.replace('20852163', '-1'),
      text.replace('20852163', '99999999999999999999'),
      text.replace('CQk=', 'CQl='),
      `\n${text}`,
      `${text}\n`,
      '',
    ])
      expect(readCheckpoint(wrong), JSON.stringify(wrong)).to.equal(undefined)
  })

  it('follow one another in a file; an incomplete last one is ignored', () => {
    const next = signed(text.replace('20852163', '20852164'))
    const file = checkpointRecord(signed()) + checkpointRecord(next)
    expect(readCheckpoints(file).map((one) => one?.checkpoint.size)).to.deep.equal([20852163, 20852164])
    const whole = checkpointRecord(signed()).length
    for (let end = 0; end < file.length; end += 13)
      expect(readCheckpoints(file.slice(0, end))).to.have.length(end >= whole ? 1 : 0)
    expect(readCheckpoints(file.replace('20852163', 'x')).map((one) => one?.checkpoint.size)).to.deep.equal([
      undefined,
      20852164,
    ])
  })

  it('have their files and their keys beside the log', () => {
    const closed = archiveOf('/a/audit.log', '00112233445566778899aabbccddeeff', 1, 5000)
    expect(closed).to.equal('/a/audit.log.00112233.000000000001-000000005000')
    expect(checkpointFileOf(`${closed}.gz`)).to.equal(`${closed}.checkpoints`)
    const ranged = [
      { key: keys[0] as (typeof keys)[number], from: 0, to: 501 },
      { key: keys[1] as (typeof keys)[number], from: 500 },
    ]
    expect(readRangedKeys(`# a remark\n\n${ranged.map(rangedKeyLine).join('')}`)).to.deep.equal(ranged)
    expect(ranged.map((one) => [499, 500, 501].map((size) => mayCover(one, size)))).to.deep.equal([
      [true, true, false],
      [false, true, true],
    ])
    expect(() => readRangedKeys('0 - nothing\n')).to.throw('line 1')
  })
})

describe('proof files', () => {
  const note = signed()
  const checkpoint = readCheckpoint(text) as NonNullable<ReturnType<typeof readCheckpoint>>
  const proof = { index: 73894, hashes: [Buffer.alloc(32, 1), Buffer.alloc(32, 2)], note, checkpoint }

  it('are read as they are written, with or without extra data', () => {
    expect(readProof(proofText(proof))).to.deep.equal(proof)
    expect(readProof(proofText(proof).replace('\nindex', '\nextra YQ==\nindex'))).to.deep.equal(proof)
    expect(readProof(proofText({ ...proof, hashes: [] }))?.hashes).to.deep.equal([])
    for (const [from, to] of [
      ['@v1', '@v2'],
      ['index 7', 'index 07'],
      ['AQE=', 'AQE'],
      ['index 73894\n', ''],
    ] as const)
      expect(readProof(proofText(proof).replace(from, to)), from).to.equal(undefined)
  })
})
