import { expect } from 'chai'
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
    log.info('began', { port: 8200 })
    log.warn('slow')
    log.error('broken', { why: 'a "b"' })
    return lines
  }

  it('writes a line for each message, and leaves out what is below its level', () => {
    const all = [
      '1970-01-01T00:00:00.000Z [INFO]  began: port=8200\n',
      '1970-01-01T00:00:00.000Z [WARN]  slow\n',
      '1970-01-01T00:00:00.000Z [ERROR] broken: why="a \\"b\\""\n',
    ]
    for (const level of [undefined, 'trace', 'debug', 'info'] as const) expect(written(level)).to.deep.equal(all)
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
