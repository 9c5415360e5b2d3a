import { setting } from '../description.ts'
import type { Description, Stanza } from '../description.ts'

function everySeal(type: string): readonly Description[] {
  return [
    setting('name', 'string', `\`"${type}"\``, 'Its name, when several seals have one type.'),
    setting('disabled', 'boolean', '`false`', 'It only decrypts, for a migration away from it.'),
  ]
}

/** The settings of seals. */
export const sealStanzas: readonly Stanza[] = [
  {
    name: 'seal "static"',
    about: 'A key that lies beside the server ([seals.md](seals.md)).',
    settings: [
      ...everySeal('static'),
      setting('current_key_id', 'string', 'required', 'Which key it is: change it together with the key.'),
      setting('current_key', 'secret', 'required', '32 bytes: `file:///path`, `env://NAME`, or base64 or hex.'),
      setting('previous_key_id', 'string', '', 'The id of the key before, for a rotation.'),
      setting('previous_key', 'secret', '', 'The key before, which only decrypts.'),
    ],
  },
  {
    name: 'seal "transit"',
    about: 'A key of the transit engine of another server ([seals.md](seals.md)).',
    settings: [
      ...everySeal('transit'),
      setting('address', 'string', 'required', 'The URL of the server that has the key.'),
      setting('key_name', 'string', 'required', 'The name of the key.'),
      setting('mount_path', 'path', '`"transit"`', 'The path of the transit engine.'),
      setting('namespace', 'string', '', 'The namespace of the mount.'),
      setting(
        'token',
        'secret',
        '',
        'Its token: `file:///path`, `env://NAME`, or the token itself; without it `BAO_TOKEN` or `VAULT_TOKEN` of the environment.',
      ),
      setting('disable_renewal', 'boolean', '`false`', 'Whether the token is not renewed while the server runs.'),
      setting('tls_ca_cert', 'path', 'those of Node', 'The authorities (PEM) for the certificate of that server.'),
    ],
  },
  {
    name: 'seal "awskms"',
    about: 'A key in KMS of AWS ([seals.md](seals.md)).',
    settings: [
      ...everySeal('awskms'),
      setting('kms_key_id', 'string', '`VAULT_AWSKMS_SEAL_KEY_ID`', 'Id or ARN of the key, or `alias/…`.'),
      setting('region', 'string', '`AWS_REGION`, or `"us-east-1"`', 'The region of the key.'),
      setting('access_key', 'string', '`AWS_ACCESS_KEY_ID`', 'The id of the credentials.'),
      setting(
        'secret_key',
        'secret',
        '`AWS_SECRET_ACCESS_KEY`',
        'Their secret: `file:///path`, `env://NAME`, or itself.',
      ),
      setting('session_token', 'secret', '`AWS_SESSION_TOKEN`', 'Of temporary credentials.'),
      setting('endpoint', 'string', '`AWS_KMS_ENDPOINT`, or that of the region', 'The URL of the API.'),
    ],
  },
  {
    name: 'seal "pkcs11"',
    about: 'A key in an HSM ([seals.md](seals.md)).',
    settings: [
      ...everySeal('pkcs11'),
      setting('lib', 'path', '`BAO_HSM_LIB`', 'The PKCS#11 library of the HSM.'),
      setting('token_label', 'string', '`BAO_HSM_TOKEN_LABEL`', 'The label of the token.'),
      setting('slot', 'string', '`BAO_HSM_SLOT`', 'The number of its slot, in place of the label or besides.'),
      setting('pin', 'secret', '`BAO_HSM_PIN`', 'The PIN of its user: `file:///path`, `env://NAME`, or itself.'),
      setting('key_label', 'string', '`BAO_HSM_KEY_LABEL`', 'The label of the key.'),
      setting('key_id', 'string', '`BAO_HSM_KEY_ID`', 'Its id, hexadecimal, in place of the label or besides.'),
      setting('mechanism', 'string', 'as the key is', '`"0x1087"` (CKM_AES_GCM) or `"0x0009"` (CKM_RSA_PKCS_OAEP).'),
      setting('rsa_oaep_hash', 'string', '`"sha256"`', '`sha1`, `sha224`, `sha256`, `sha384` or `sha512`.'),
      setting(
        'generate_key',
        'boolean',
        '`false`',
        'Keys are made with the tools of the HSM: only `false` is accepted.',
      ),
    ],
  },
]
