import { expect } from 'chai'
import { patienceLeft, slowestUpload } from '../../../src/protocols/http/upload.ts'

/** How long an upload lasts that brings so many bytes each time, after so many milliseconds; at most a day. */
function lasts(bytes: number, every: number): number {
  let [received, waited] = [0, 0]
  while (waited < 86_400_000) {
    if (patienceLeft(received, waited) < every) return waited + patienceLeft(received, waited)
    waited += every
    received += bytes
  }
  return waited
}

describe('the pace of uploads', () => {
  it('gives up one that brings nothing for 90 seconds, whatever it has brought before', () => {
    expect(patienceLeft(0, 0)).to.equal(90_000)
    expect(patienceLeft(10 ** 12, 0)).to.equal(90_000)
    expect(lasts(10 ** 12, 90_001)).to.equal(90_000)
  })

  it('gives up one that only trickles', () => {
    expect(lasts(1, 1000)).to.be.lessThan(91_000)
    expect(lasts(1, 89_000)).to.be.lessThan(91_000)
    expect(lasts(slowestUpload / 2, 1000)).to.be.lessThan(181_000)
  })

  it('goes on with one that is slow, but steady', () => {
    expect(lasts(slowestUpload, 1000)).to.be.greaterThan(86_000_000)
    expect(lasts(slowestUpload * 60, 60_000)).to.be.greaterThan(86_000_000)
  })
})
