import { expect } from 'chai'
import * as fc from 'fast-check'
import { lineLog, logLevelOf } from '../../src/util/log.ts'
import type { LogLevel } from '../../src/util/log.ts'

describe('the log', () => {
  function written(level?: LogLevel, json = false): readonly string[] {
    const lines: string[] = []
    const log = lineLog(
      (line) => void lines.push(line),
      () => 0,
      { json, ...(level && { level }) },
    )
    log.debug('fine')
    log.info('began', { port: 8200 })
    log.warn('slow')
    log.error('broken', { why: 'a "b"' })
    return lines
  }

  it('writes a line for each message at or above its level', () => {
    const all = [
      '1970-01-01T00:00:00.000Z [INFO]  began: port=8200\n',
      '1970-01-01T00:00:00.000Z [WARN]  slow\n',
      '1970-01-01T00:00:00.000Z [ERROR] broken: why="a \\"b\\""\n',
    ]
    for (const level of [undefined, 'info'] as const) expect(written(level)).to.deep.equal(all)
    for (const level of ['trace', 'debug'] as const)
      expect(written(level)).to.deep.equal(['1970-01-01T00:00:00.000Z [DEBUG] fine\n', ...all])
    expect(written('warn')).to.deep.equal(all.slice(1))
    expect(written('error')).to.deep.equal(all.slice(2))
  })

  it('writes JSON if asked to', () => {
    expect(JSON.parse(written('info', true)[0] ?? '')).to.deep.equal({
      '@level': 'info',
      '@message': 'began',
      '@timestamp': '1970-01-01T00:00:00.000Z',
      port: 8200,
    })
  })

  it('has one line of printable characters for every message, whatever its values are', () => {
    const hostile =
      'a\n1970-01-01T00:00:00.000Z [INFO]  core: unsealed\r\u001b[2J\u009b\u2028\u202e\u0000\u007f\ud800"\\'
    fc.assert(
      fc.property(fc.oneof(fc.string({ unit: 'binary' }), fc.constant(hostile)), fc.boolean(), (value, json) => {
        const lines: string[] = []
        const log = lineLog(
          (line) => void lines.push(line),
          () => 0,
          { json },
        )
        log.info('got it', { value, '@event': 'got' })
        expect(lines).to.have.length(1)
        expect(lines[0]?.slice(0, -1)).to.not.match(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u)
        const text = json ? (lines[0] as string) : `{"value":${lines[0]?.split('value=')[1]}}`
        expect((JSON.parse(text) as { readonly value: string }).value).to.equal(value)
      }),
    )
    fc.assert(fc.property(fc.string({ unit: 'binary' }), (message) => {
      let line = ''
      lineLog((text) => (line += text), () => 0).warn(message)
      expect(line.slice(0, -1)).to.not.match(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u)
    })) // prettier-ignore
  })

  it('knows its levels by the names of Vault, in any case', () => {
    expect(['TRACE', ' debug', 'notice', 'Warning', 'err'].map(logLevelOf)).to.deep.equal([
      'trace',
      'debug',
      'info',
      'warn',
      'error',
    ])
    for (const none of ['', 'loud', 'constructor', '3']) expect(logLevelOf(none), none).to.equal(undefined)
  })
})
