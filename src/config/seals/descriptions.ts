import { setting } from '../description.ts'
import type { Description, Stanza } from '../description.ts'

function everySeal(type: string): readonly Description[] {
  return [
    setting('name', 'string', `\`"${type}"\``, 'The name of the seal; required when several seals have the same type.'),
    setting('disabled', 'boolean', '`false`', 'Whether the seal only decrypts, for a migration to another seal.'),
  ]
}

/** The settings of seals. */
export const sealStanzas: readonly Stanza[] = [
  {
    name: 'seal "static"',
    about: 'A key in a file or in the environment of the server ([seals.md](seals.md)).',
    settings: [
      ...everySeal('static'),
      setting('current_key_id', 'string', 'required', 'An id of your choice for the key; it changes with the key.'),
      setting(
        'current_key',
        'secret',
        'required',
        '32 bytes: `file:///path` (bytes, base64 or hex), `env://NAME`, or base64 or hex.',
      ),
      setting('previous_key_id', 'string', '', 'The id of the previous key, for a rotation.'),
      setting(
        'previous_key',
        'secret',
        '',
        'The previous key, which only decrypts; until the first unseal with the new one.',
      ),
    ],
  },
  {
    name: 'seal "transit"',
    about: 'A key of the transit engine of another server ([seals.md](seals.md)).',
    settings: [
      ...everySeal('transit'),
      setting(
        'address',
        'string',
        'required',
        'The URL of the server that has the key; plain `http` only for this machine.',
      ),
      setting('key_name', 'string', 'required', 'The name of the key.'),
      setting('mount_path', 'path', '`"transit"`', 'The path of the transit engine.'),
      setting('namespace', 'string', '', 'The namespace of the mount.'),
      setting(
        'token',
        'secret',
        '`BAO_TOKEN` or `VAULT_TOKEN`',
        'A token of that server: `file:///path`, `env://NAME`, or the token itself. Its policy allows `update` on `transit/encrypt/KEY` and `transit/decrypt/KEY`; it should be periodic.',
      ),
      setting(
        'disable_renewal',
        'boolean',
        '`false`',
        '`true` if another program renews the token; otherwise the server renews it every 15 minutes.',
      ),
      setting('tls_ca_cert', 'path', 'those of Node', 'A file with the CAs (PEM) of the certificate of that server.'),
    ],
  },
  {
    name: 'seal "awskms"',
    about:
      'A key in AWS KMS ([seals.md](seals.md)). An omitted setting is taken from the environment. The credentials are either all in the block, or all in the environment.',
    settings: [
      ...everySeal('awskms'),
      setting(
        'kms_key_id',
        'string',
        '`BAO_AWSKMS_SEAL_KEY_ID` or `VAULT_AWSKMS_SEAL_KEY_ID`',
        'The id or ARN of the key, or `alias/…`.',
      ),
      setting(
        'region',
        'string',
        '`AWS_REGION` or `AWS_DEFAULT_REGION`, otherwise `"us-east-1"`',
        'The region of the key.',
      ),
      setting('access_key', 'string', '`AWS_ACCESS_KEY_ID`', 'The id of the access key.'),
      setting(
        'secret_key',
        'secret',
        '`AWS_SECRET_ACCESS_KEY`',
        'The secret of the access key: `file:///path`, `env://NAME`, or the secret itself.',
      ),
      setting(
        'session_token',
        'secret',
        '`AWS_SESSION_TOKEN`',
        'The session token of temporary credentials: `file:///path`, `env://NAME`, or the token itself.',
      ),
      setting(
        'endpoint',
        'string',
        '`AWS_KMS_ENDPOINT`, or that of the region',
        'The URL of the API; plain `http` only for this machine.',
      ),
    ],
  },
  {
    name: 'seal "pkcs11"',
    about:
      'A key in an HSM ([seals.md](seals.md)). An omitted setting is taken from the environment: `BAO_HSM_LIB`, or `VAULT_HSM_LIB`, and so on. The token is found by `token_label`, `slot` or both, the key by `key_label`, `key_id` or both.',
    settings: [
      ...everySeal('pkcs11'),
      setting('lib', 'path', '`BAO_HSM_LIB`', 'The PKCS#11 library of the HSM.'),
      setting('token_label', 'string', '`BAO_HSM_TOKEN_LABEL`', 'The label of the token.'),
      setting('slot', 'string', '`BAO_HSM_SLOT`', 'The number of the slot, decimal or with `0x`.'),
      setting(
        'pin',
        'secret',
        '`BAO_HSM_PIN`',
        'The PIN of the user of the token: `file:///path`, `env://NAME`, or the PIN itself.',
      ),
      setting('key_label', 'string', '`BAO_HSM_KEY_LABEL`', 'The label of the key.'),
      setting('key_id', 'string', '`BAO_HSM_KEY_ID`', 'The id of the key, hexadecimal.'),
      setting(
        'mechanism',
        'string',
        'by the type of the key',
        '`"0x1087"` (CKM_AES_GCM) or `"0x0009"` (CKM_RSA_PKCS_OAEP).',
      ),
      setting(
        'rsa_oaep_hash',
        'string',
        '`"sha256"`',
        'The hash of RSA-OAEP: `sha1`, `sha224`, `sha256`, `sha384` or `sha512`.',
      ),
      setting(
        'generate_key',
        'boolean',
        '`false`',
        'Keys are generated with the tools of the HSM: only `false` is accepted.',
      ),
    ],
  },
]
