import { bucketAddress } from '../../../backups/s3/settings.ts'
import { refuse } from '../../../contract/fault.ts'
import { areCertificates } from '../../../crypto/encoding/pem.ts'
import { addressProblem } from '../../../util/http/provider.ts'
import type { BucketSettings } from './config.ts'

/** What a request gives about a bucket; what it leaves out stays as it is. */
export interface BucketFields {
  readonly aws_s3_bucket?: string | undefined
  readonly aws_s3_region?: string | undefined
  readonly aws_s3_endpoint?: string | undefined
  readonly aws_s3_disable_tls?: boolean | undefined
  readonly aws_s3_force_path_style?: boolean | undefined
  readonly aws_access_key_id?: string | undefined
  readonly aws_secret_access_key?: string | undefined
  readonly aws_session_token?: string | undefined
  readonly aws_s3_server_side_encryption?: boolean | undefined
  readonly aws_s3_enable_kms?: boolean | undefined
  readonly aws_s3_kms_key?: string | undefined
  readonly aws_s3_ca_cert?: string | undefined
}

/** @throws Fault invalid_request */
export function bucketSettings(
  given: BucketFields,
  pathPrefix: string | undefined,
  before: BucketSettings | undefined,
): BucketSettings {
  const settings = {
    bucket: given.aws_s3_bucket ?? before?.bucket ?? '',
    region: given.aws_s3_region ?? before?.region ?? '',
    endpoint: endpointOf(given, before),
    pathStyle: given.aws_s3_force_path_style ?? before?.pathStyle ?? false,
    ...credentialsOf(given, before),
    ...encryptionOf(given, before),
    ca: given.aws_s3_ca_cert ?? before?.ca ?? '',
    folder: pathPrefix === undefined ? (before?.folder ?? '') : folderOf(pathPrefix),
  }
  check(settings)
  return settings
}

/** Vault's takes an address without `https://`, too. */
function endpointOf(
  { aws_s3_endpoint: given, aws_s3_disable_tls: disabled }: BucketFields,
  before: BucketSettings | undefined,
): string {
  const endpoint = given ?? before?.endpoint ?? ''
  if (endpoint === '' && disabled !== true) return ''
  if (endpoint === '') throw refuse("'aws_s3_disable_tls' is for an 'aws_s3_endpoint' on this machine only")
  const [, scheme = 'https', rest = ''] = /^(?:(\w*):\/\/)?(.*)$/s.exec(endpoint) ?? []
  return `${disabled === undefined ? scheme : disabled ? 'http' : 'https'}://${rest}`
}

function credentialsOf(given: BucketFields, before: BucketSettings | undefined) {
  return {
    accessKey: given.aws_access_key_id ?? before?.accessKey ?? '',
    secretKey: given.aws_secret_access_key ?? before?.secretKey ?? '',
    sessionToken: given.aws_session_token ?? before?.sessionToken ?? '',
  }
}

function encryptionOf(
  given: BucketFields,
  before: BucketSettings | undefined,
): Pick<BucketSettings, 'encryption' | 'kmsKey'> {
  // prettier-ignore
  const own = given.aws_s3_server_side_encryption ?? before?.encryption === 'AES256'
  const kms = given.aws_s3_enable_kms ?? before?.encryption === 'aws:kms'
  if (own && kms) throw refuse("'aws_s3_server_side_encryption' and 'aws_s3_enable_kms' cannot both be true")
  const kmsKey = given.aws_s3_kms_key ?? before?.kmsKey ?? ''
  if (kmsKey !== '' && !kms) throw refuse("'aws_s3_kms_key' is for 'aws_s3_enable_kms' only")
  return { encryption: kms ? 'aws:kms' : own ? 'AES256' : 'none', kmsKey }
}

/** What keys begin with: encoded they are the same, and no server reads a segment as "the folder above". */
function folderOf(prefix: string): string {
  const segments = prefix.split('/').filter((segment) => segment !== '')
  if (prefix.length > 512 || !segments.every((segment) => /^\w[\w.-]*$/.test(segment)))
    throw refuse("'path_prefix' may have letters, digits, _, - and . only, and no name in it begins with a dot")
  return segments.map((segment) => `${segment}/`).join('')
}

const isVisible = (text: string, most: number): boolean => text.length <= most && /^[\x21-\x7e]*$/.test(text)

function check(settings: BucketSettings): void {
  const { bucket, region, ca } = settings
  if (!/^(?!.*\.\.)[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/.test(bucket))
    throw refuse("'aws_s3_bucket' must be the name of a bucket")
  if (!/^[a-z0-9-]{1,64}$/.test(region)) throw refuse("'aws_s3_region' must be a region, such as eu-central-1")
  if (ca !== '' && !areCertificates(ca)) throw refuse("'aws_s3_ca_cert' is no certificate as PEM")
  checkCredentials(settings)
  checkAddress(settings)
}

function checkCredentials({ accessKey, secretKey, sessionToken, kmsKey }: BucketSettings): void {
  if (accessKey === '' || secretKey === '')
    throw refuse(
      "'aws_access_key_id' and 'aws_secret_access_key' must be set: the server takes none from its environment",
    )
  const most = [[accessKey, 256], [secretKey, 1024], [sessionToken, 8192], [kmsKey, 2048]] as const // prettier-ignore
  if (!most.every(([text, length]) => isVisible(text, length)))
    throw refuse('credentials and the name of a key have no spaces, no control characters, and are not that long')
}

function checkAddress(settings: BucketSettings): void {
  const { endpoint } = settings
  if (endpoint.length > 1024 || endpoint.includes('?')) throw refuse("'aws_s3_endpoint' cannot be used: it is too long, or has a query") // prettier-ignore
  const problem = endpoint === '' ? undefined : addressProblem(endpoint)
  if (problem !== undefined) throw refuse(`'aws_s3_endpoint' cannot be used: ${problem}`)
  if (addressProblem(bucketAddress(settings)) !== undefined)
    throw refuse("'aws_s3_endpoint' cannot be used with the bucket in front of its host: set aws_s3_force_path_style")
}
