/** A bucket of Amazon S3, or of a server with its API. */
export interface S3Settings {
  readonly bucket: string
  readonly region: string
  /** An address; empty: Amazon's of the region. */
  readonly endpoint: string
  /** The bucket is in the path of the address instead of in the host name. */
  readonly pathStyle: boolean
  readonly accessKey: string
  readonly secretKey: string
  /** Of temporary credentials; empty: none. */
  readonly sessionToken: string
  /** The store encrypts with a key of its own, or with one of its KMS. */
  readonly encryption: 'none' | 'AES256' | 'aws:kms'
  /** The key of KMS; empty: that of the bucket. */
  readonly kmsKey: string
  /** PEM of the CAs to trust; empty: those of Node. */
  readonly ca: string
}

/** The address of the bucket, without a slash at its end. */
export function bucketAddress({ bucket, region, endpoint, pathStyle }: S3Settings): string {
  const base = new URL(endpoint === '' ? `https://s3.${region}.amazonaws.com` : endpoint)
  const path = base.pathname.replace(/\/+$/, '')
  return pathStyle ? `${base.origin}${path}/${bucket}` : `${base.protocol}//${bucket}.${base.host}${path}`
}
