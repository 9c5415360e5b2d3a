import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import { generateHybridIdentity, identityToRecipient } from 'age-encryption'
import { HandClock } from '../support/clock.ts'
import { temporaryFolder } from '../support/folder.ts'
import { SchedulingServer, keptIn } from '../support/storages/scheduled.ts'
import { upload } from '../support/storages/snapshot-files.ts'
import { Moto } from './programs/moto.ts'
import { fromPyPi } from './programs/pypi.ts'
import { run } from './programs/run.ts'

/** Amazon's own client, and age in Rust. */
const client = `
import json, os, boto3
s3 = boto3.client('s3', endpoint_url=os.environ['S3'], region_name='us-east-1')
word, *more = json.loads(os.environ['ASK'])
if word == 'make': s3.create_bucket(Bucket=more[0])
if word == 'list': print(json.dumps([[one['Key'], one['Size']] for one in s3.list_objects_v2(Bucket=more[0]).get('Contents', [])]))
if word == 'get': s3.download_file(*more)
`
const age = `
import os, sys, pyrage
identity = pyrage.x25519.Identity.from_str(os.environ['IDENTITY'])
open(sys.argv[2], 'wb').write(pyrage.decrypt(open(sys.argv[1], 'rb').read(), [identity]))
`
const makeIdentity =
  'import pyrage; identity = pyrage.x25519.Identity.generate(); print(identity, identity.to_public())'

describe("scheduled snapshots with moto's S3, boto3 and pyrage, unmodified", function () {
  this.timeout(300_000)
  const folder = temporaryFolder()
  let moto: Moto
  let made: SchedulingServer
  let rage: string
  before(async function () {
    moto = await Moto.start(this)
    rage = await fromPyPi(this, 'pyrage-1.4.0', 'pyrage==1.4.0')
    made = await SchedulingServer.unsealed(undefined, new HandClock(Math.floor(Date.now() / 1000) * 1000))
    await boto('make', 'backups')
  })
  after(async () => {
    await made?.server.running.stop()
    await moto?.stop()
  })

  async function boto(...words: readonly string[]): Promise<string> {
    const { accessKey, secretKey } = moto.credentials
    const env = { PYTHONPATH: moto.packages, S3: moto.address, ASK: JSON.stringify(words), AWS_ACCESS_KEY_ID: accessKey, AWS_SECRET_ACCESS_KEY: secretKey.reveal() } // prettier-ignore
    const { code, out } = await run('python3', ['-c', client], { env })
    expect(code, out).to.equal(0)
    return out
  }
  const settings = () => ({
    storage_type: 'aws-s3',
    interval: '1h',
    retain: 2,
    path_prefix: 'strongroom/prod',
    aws_s3_bucket: 'backups',
    aws_s3_region: 'us-east-1',
    aws_s3_endpoint: moto.address,
    aws_s3_force_path_style: true,
    aws_access_key_id: moto.credentials.accessKey,
    aws_secret_access_key: moto.credentials.secretKey.reveal(),
  })

  it('are objects that boto3 reads back, the newest of them', async () => {
    await made.configure('s3', settings())
    await made.after(10, 's3', (one) => keptIn(one).length === 1)
    await made.after(3600, 's3', (one) => keptIn(one).length === 2)
    const first = keptIn(await made.status('s3'))[0]
    // More than one part of an upload.
    for (let at = 0; at < 24; at++) await made.server.data('POST', `kv/large/${at}`, { data: Buffer.alloc(700_000, at).toString('base64') }) // prettier-ignore
    const status = await made.after(3600, 's3', (one) => keptIn(one)[0] !== first)
    const listed = JSON.parse(await boto('list', 'backups')) as (readonly [string, number])[]
    expect(listed.map(([key]) => key)).to.deep.equal(keptIn(status).map((name) => `strongroom/prod/${name}`))
    expect(listed.at(-1)?.[1]).to.equal(status['last_size'])
    expect(status['last_size']).to.be.greaterThan(16 * 1024 * 1024)
    const file = join(folder, 'a.snap')
    await boto('get', 'backups', `strongroom/prod/${keptIn(status).at(-1)}`, file)
    expect((await upload(made.server, readFileSync(file), '-verify')).status).to.equal(200)
  })

  it('tell that the credentials are wrong', async () => {
    await made.configure('wrong', { ...settings(), path_prefix: 'wrong', aws_secret_access_key: 'wrong' })
    const status = await made.after(10, 'wrong', ({ consecutive_errors: errors }) => errors === 1)
    expect(status['last_snapshot_error']).to.match(/^the store refused it \(status 403, SignatureDoesNotMatch\): check the credentials/) // prettier-ignore
    await made.server.data('DELETE', 'sys/storage/raft/snapshot-auto/config/wrong')
  })

  it('encrypted to a recipient of age, are decrypted by another implementation of it', async () => {
    const env = { PYTHONPATH: rage }
    const [identity = '', recipient = ''] = (await run('python3', ['-c', makeIdentity], { env })).out.trim().split(' ')
    const refused = await made.server.call('POST', '/v1/sys/storage/raft/snapshot-auto/config/age', { ...settings(), path_prefix: 'age', age_recipients: [recipient, await identityToRecipient(await generateHybridIdentity())] }) // prettier-ignore
    expect(refused.status).to.equal(400)
    await made.configure('age', { ...settings(), path_prefix: 'age', age_recipients: recipient })
    const status = await made.after(10, 'age', (one) => keptIn(one).length === 1)
    const [encrypted, plain, program] = ['b.snap.age', 'b.snap', 'decrypt.py'].map((name) => join(folder, name)) as [string, string, string] // prettier-ignore
    await boto('get', 'backups', `age/${keptIn(status)[0]}`, encrypted)
    writeFileSync(program, age)
    const { code, out } = await run('python3', [program, encrypted, plain], { env: { ...env, IDENTITY: identity } })
    expect(code, out).to.equal(0)
    expect((await upload(made.server, readFileSync(plain), '-verify')).status).to.equal(200)
  })
})
