import { readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import { openLevelServer } from '../../support/server.ts'
import type { Body } from '../../support/server.ts'

describe('the storage', () => {
  it('0.7.1/0.7.2: has no name, ID or accessor of a login in clear', async () => {
    const server = await openLevelServer()
    for (const type of ['userpass', 'approle', 'totp'])
      await server.data('POST', type === 'totp' ? 'sys/mounts/totp' : `sys/auth/${type}`, { type })
    await server.data('POST', 'auth/userpass/users/annabella', { password: 'a secret of hers' })
    const login = await server.call('POST', '/v1/auth/userpass/login/annabella', { password: 'a secret of hers' }, {})
    const { accessor, entity_id: entity } = login.body['auth'] as Body
    await server.data('POST', 'identity/entity', {
      id: entity,
      name: 'annabella-entity',
      metadata: { team: 'violets-team' },
    })
    await server.data('POST', 'identity/group', { name: 'gardeners', member_entity_ids: [entity] })
    await server.data('POST', 'auth/approle/role/waterworks', { token_policies: 'default' })
    const { role_id: role } = await server.data('GET', 'auth/approle/role/waterworks/role-id')
    const secret = await server.data('POST', 'auth/approle/role/waterworks/secret-id', {})
    const key = 'GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ'
    await server.data('POST', 'totp/keys/phone-of-anna', { key, issuer: 'strongroom-shop', account_name: 'anna@shop' })
    const sent = ['annabella', 'a secret of hers', 'violets-team', 'gardeners', 'waterworks', key, 'phone-of-anna', 'strongroom-shop', 'anna@shop'] // prettier-ignore
    const made = [accessor, entity, role, secret['secret_id'], secret['secret_id_accessor']].map(String)
    await server.running.stop()
    const files = readdirSync(join(server.folder, 'data')).map((file) =>
      readFileSync(join(server.folder, 'data', file)),
    )
    expect(Buffer.concat(files).length).to.be.greaterThan(10_000)
    for (const text of [...sent, ...made]) {
      expect(text).to.have.length.above(7)
      expect(
        files.some((bytes) => bytes.includes(text)),
        text,
      ).to.equal(false)
    }
  })
})
