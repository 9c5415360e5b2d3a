import type { AwsKmsSealSettings } from '../../contract/seal.ts'
import type { HclItem } from '../../util/hcl/values.ts'
import { addressProblem } from '../../util/http/provider.ts'
import type { AwsCredentials } from '../../util/http/sigv4.ts'
import type { Secret } from '../../util/secret.ts'
import type { Source } from '../source.ts'
import { ofEnvironment, secretOf, secretOfEnvironment } from './content.ts'
import { strings } from './reading.ts'
import type { Reading } from './reading.ts'

/** `seal "awskms"`. What the block leaves out comes from the environment. */
export function awsKmsSeal(source: Source, { at }: HclItem): Reading {
  const { draft, settings } = strings(source, ['region', 'access_key', 'kms_key_id'])
  let endpoint: string | undefined
  let secretKey: Secret<string> | undefined
  let sessionToken: Secret<string> | undefined
  return {
    settings: {
      ...settings,
      secret_key: (value) => void (secretKey = secretOf(source, value, 'secret_key')),
      session_token: (value) => void (sessionToken = secretOf(source, value, 'session_token')),
      endpoint: (value) => {
        endpoint = source.string(value, 'endpoint')
        const problem = addressProblem(endpoint)
        if (problem !== undefined) throw source.wrong(value.at, `endpoint: ${problem}`)
      },
    },
    done: (common): AwsKmsSealSettings => {
      const region = draft.region ?? ofEnvironment('AWS_REGION', 'AWS_DEFAULT_REGION') ?? 'us-east-1'
      const keyId = draft.kms_key_id ?? ofEnvironment('BAO_AWSKMS_SEAL_KEY_ID', 'VAULT_AWSKMS_SEAL_KEY_ID')
      const credentials = credentialsOf(draft.access_key, secretKey, sessionToken)
      if (keyId === undefined || !credentials)
        throw source.wrong(
          at,
          'seal "awskms" needs kms_key_id, access_key and secret_key (secret_key = "file:///run/…" or "env://NAME"; or VAULT_AWSKMS_SEAL_KEY_ID, AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY in the environment)',
        )
      if (!/^[a-z0-9-]{1,32}$/.test(region))
        throw source.wrong(at, 'region is the name of a region, such as "eu-central-1"')
      return {
        type: 'awskms', ...common, region, keyId, credentials,
        endpoint: endpoint ?? endpointOfEnvironment(source, at) ?? `https://kms.${region}.amazonaws.com${region.startsWith('cn-') ? '.cn' : ''}`,
      } // prettier-ignore
    },
  }
}

/** All of them from one place: the key of one account with the secret of another would only be refused. */
function credentialsOf(
  accessKey: string | undefined,
  secretKey: Secret<string> | undefined,
  sessionToken: Secret<string> | undefined,
): AwsCredentials | undefined {
  if (accessKey !== undefined || secretKey || sessionToken)
    return accessKey !== undefined && secretKey ? { accessKey, secretKey, ...(sessionToken && { sessionToken }) } : undefined // prettier-ignore
  const id = ofEnvironment('AWS_ACCESS_KEY_ID')
  const secret = secretOfEnvironment('AWS_SECRET_ACCESS_KEY')
  const session = secretOfEnvironment('AWS_SESSION_TOKEN')
  return id !== undefined && secret
    ? { accessKey: id, secretKey: secret, ...(session && { sessionToken: session }) }
    : undefined
}

function endpointOfEnvironment(source: Source, at: HclItem['at']): string | undefined {
  const endpoint = ofEnvironment('AWS_KMS_ENDPOINT')
  const problem = endpoint === undefined ? undefined : addressProblem(endpoint)
  if (problem !== undefined) throw source.wrong(at, `AWS_KMS_ENDPOINT of the environment: ${problem}`)
  return endpoint
}
