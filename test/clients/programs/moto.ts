import { Secret } from '../../../src/util/secret.ts'
import { sha256Hex, signedHeaders } from '../../../src/util/http/sigv4.ts'
import type { AwsCredentials } from '../../../src/util/http/sigv4.ts'
import { freePort } from '../../support/free-port.ts'
import { fromPyPi } from './pypi.ts'
import { Service } from './service.ts'

const installed = ['moto==5.2.5', 'flask==3.1.3', 'flask-cors==6.0.5']

/** The requests that moto answers before it verifies signatures: those that make the user. */
const unverified = 3

/**
 * moto's server (PyPI): AWS on this machine, whose users, signatures and policies it verifies. It is written by others, so that
 * a misunderstanding of ours does not pass.
 */
export class Moto {
  readonly #service: Service
  /** Of a user that may do everything. */
  readonly credentials: AwsCredentials
  readonly address: string
  /** The folder of its packages, with Amazon's own client in it, for PYTHONPATH. */
  readonly packages: string

  private constructor(address: string, packages: string, credentials: AwsCredentials, service: Service) {
    this.address = address
    this.packages = packages
    this.credentials = credentials
    this.#service = service
  }

  /** Installs and starts it; leaves out what needs it where it cannot be had. */
  static async start(here: Mocha.Context): Promise<Moto> {
    const folder = await fromPyPi(here, 'moto-5.2.5', ...installed)
    const port = await freePort()
    const address = `http://127.0.0.1:${port}`
    const service = new Service()
    const environment = [`PYTHONPATH=${folder}`, `INITIAL_NO_AUTH_ACTION_COUNT=${unverified}`]
    service.start('/usr/bin/env', [
      ...environment,
      'python3',
      '-m',
      'moto.server',
      '-H',
      '127.0.0.1',
      '-p',
      String(port),
    ])
    await service.until('moto answers', async () => fetch(`${address}/moto-api/`).then(({ ok }) => ok, () => false)) // prettier-ignore
    return new Moto(address, folder, await userOf(address), service)
  }

  /** Asks a service with the JSON protocol, signed. */
  async json(
    service: string,
    target: string,
    body: unknown,
    credentials = this.credentials,
  ): Promise<Record<string, unknown>> {
    const content = JSON.stringify(body)
    const headers = { 'content-type': 'application/x-amz-json-1.1', 'x-amz-target': target }
    const request = { method: 'POST', url: `${this.address}/`, headers, bodyHash: sha256Hex(content) }
    const signed = signedHeaders(request, credentials, { region: 'us-east-1', service, at: Date.now() })
    return (await (await fetch(request.url, { method: 'POST', headers: signed, body: content })).json()) as Record<string, unknown> // prettier-ignore
  }

  async stop(): Promise<void> {
    await this.#service.stop()
  }
}

/** A new user that may do everything. */
async function userOf(address: string): Promise<AwsCredentials> {
  const ask = async (words: Readonly<Record<string, string>>): Promise<string> => {
    const headers = { Authorization: 'AWS4-HMAC-SHA256 Credential=nobody/20260101/us-east-1/iam/aws4_request' }
    const response = await fetch(address, { method: 'POST', headers, body: new URLSearchParams({ ...words, Version: '2010-05-08', UserName: 'server' }) }) // prettier-ignore
    return response.text()
  }
  const everything = { Version: '2012-10-17', Statement: [{ Effect: 'Allow', Action: '*', Resource: '*' }] }
  await ask({ Action: 'CreateUser' })
  await ask({ Action: 'PutUserPolicy', PolicyName: 'all', PolicyDocument: JSON.stringify(everything) })
  const key = await ask({ Action: 'CreateAccessKey' })
  const member = (name: string): string => new RegExp(`<${name}>([^<]+)</${name}>`).exec(key)?.[1] ?? ''
  return { accessKey: member('AccessKeyId'), secretKey: new Secret(member('SecretAccessKey')) }
}
