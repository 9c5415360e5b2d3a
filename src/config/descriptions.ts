import { setting } from './description.ts'
import type { Description, Stanza } from './description.ts'
import { listenerStanzas } from './listener-descriptions.ts'

const topLevel: Stanza = {
  name: '',
  about: 'Settings outside blocks, and the names of the blocks.',
  settings: [
    setting(
      'storage',
      'block',
      'required',
      'Where the encrypted data is: `storage "level"`, or `storage "inmem"` for tests.',
    ),
    setting('backend', 'block', '', 'An older name of `storage`.'),
    setting(
      'listener',
      'block',
      'required',
      'An address to listen on, `listener "tcp"` or `listener "unix"`; as many as you like.',
    ),
    setting(
      'audit',
      'block',
      '',
      'An audit device: `audit "file" "name"`; types and options in [audit-devices.md](audit-devices.md).',
    ),
    setting('audit_witness', 'block', '', 'A witness that cosigns the audit logs; as many as you like.'),
    setting(
      'seal',
      'block',
      '',
      'A seal that unseals the server without operators; without one, key shares do. See [seals.md](seals.md).',
    ),
    setting(
      'recovery_keys',
      'string',
      '`"authorize"`',
      'With a seal: what recovery keys are for. `"authorize"`: operations only; `"unseal"`: they also unseal the server when every seal is lost.',
    ),
    setting(
      'initialize',
      'block',
      '',
      'What the first start does, without hands: `initialize "name"`, as many as you like. See [first-boot.md](first-boot.md).',
    ),
    setting('user_lockout', 'block', '', 'When failed logins lock users out.'),
    setting('telemetry', 'block', '', 'Metrics.'),
    setting(
      'api_addr',
      'string',
      '',
      'The URL of this server for its clients, such as `"https://strongroom.example:8200"`.',
    ),
    setting('cluster_addr', 'string', '', 'Refused: this server is a single one.'),
    setting('cluster_name', 'string', 'a random one', 'The name of the cluster, kept from the first unseal on.'),
    setting('default_lease_ttl', 'duration', '`"768h"`', 'TTL of tokens that ask for none.'),
    setting('max_lease_ttl', 'duration', '`"768h"`', 'The longest TTL of tokens.'),
    setting('log_level', 'string', '`"info"`', '`trace`, `debug`, `info`, `warn` or `error`.', 'value'),
    setting('log_format', 'string', '`"standard"`', '`"standard"` or `"json"`.'),
    setting(
      'log_file',
      'path',
      '',
      'A file that gets the server log as well as standard error, or a folder (with `/` at its end).',
      'file',
    ),
    setting('log_rotate_bytes', 'bytes', 'no limit', 'The log file is put aside before it is larger.'),
    setting('log_rotate_duration', 'duration', '`"24h"`', 'The log file is put aside when it is older.'),
    setting('log_rotate_max_files', 'integer', '`0`', 'How many older log files are kept: `0` for all, `-1` for none.'),
    setting(
      'unsafe_allow_api_audit_creation',
      'boolean',
      '`false`',
      'Whether tokens may add audit devices (`sys/audit`).',
    ),
    setting(
      'disable_mlock',
      'boolean',
      '`true`',
      'Memory cannot be locked here: only `true` is accepted. Keep it from being swapped with `MemorySwapMax=0` or encrypted swap.',
    ),
    setting('ui', 'boolean', '`false`', 'There are no web pages: only `false` is accepted.'),
    setting('raw_storage_endpoint', 'boolean', '`false`', 'Not offered: only `false` is accepted.'),
  ],
}

const storage: readonly Stanza[] = [
  {
    name: 'storage "level"',
    about: 'A LevelDB in a folder of this machine. One server at a time can use it.',
    settings: [
      setting('path', 'path', 'required', 'The folder. The first start creates it, for the user of the server only.'),
      setting(
        'min_free_bytes',
        'bytes',
        '`67108864`',
        'Writes are refused while the disk has less free space than this.',
      ),
    ],
  },
  {
    name: 'storage "inmem"',
    about: 'Memory; everything is lost when the server ends. It has no settings.',
    settings: [],
  },
]

const others: readonly Stanza[] = [
  {
    name: 'audit "file"',
    about: 'An audit device; the same for every type.',
    settings: [
      setting('description', 'string', '', 'For people.'),
      setting(
        'options',
        'block',
        '',
        'The options of the type, such as `file_path`: [audit-devices.md](audit-devices.md). Files are opened again.',
        'file',
      ),
    ],
  },
  {
    name: 'audit_witness "name"',
    about: 'A witness that cosigns the checkpoints of the audit logs ([audit-devices.md](audit-devices.md)).',
    settings: [
      setting('url', 'string', 'required', 'Where it is asked, `https://…` or `http://…`.'),
      setting('key', 'string', 'required', 'Its public key as it prints it: `name+id+base64`.'),
      setting('tls_ca_file', 'path', 'those of Node', 'The authorities (PEM) for its certificate.'),
    ],
  },
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
  {
    name: 'initialize "name"',
    about:
      'Requests that the first start performs, in their order ([first-boot.md](first-boot.md)). It needs a `seal`.',
    settings: [
      setting(
        'request',
        'block',
        'required',
        'A request: `request "name"` with `operation`, `path`, `token`, `data`, `headers`, `when` and `allow_failure`.',
      ),
      setting('when', 'boolean', '`true`', 'Whether the requests of the block are performed.'),
    ],
  },
  {
    name: 'user_lockout "all"',
    about:
      'Failed logins lock users out. `"all"` is for every login method; `"userpass"`, `"approle"` or `"ldap"` counts before it.',
    settings: [
      setting('lockout_threshold', 'integer', '`5`', 'The failed logins after which a user is locked out.'),
      setting('lockout_duration', 'duration', '`"15m"`', 'For how long.'),
      setting(
        'lockout_counter_reset',
        'duration',
        '`"15m"`',
        'After how long without a failure the count begins again.',
      ),
      setting('disable_lockout', 'boolean', '`false`', 'Whether nobody is locked out.'),
    ],
  },
  {
    name: 'telemetry',
    about:
      "Metrics ([operations.md](operations.md#state-and-metrics)). Of Vault's settings those that are so here anyway; others are refused.",
    settings: [
      setting(
        'disable_hostname',
        'boolean',
        '`true`',
        'Metrics have no host name in their names: only `true` is accepted.',
      ),
      setting('prometheus_retention_time', 'duration', '', 'Accepted: metrics are kept as long as the server runs.'),
    ],
  },
]

function everySeal(type: string): readonly Description[] {
  return [
    setting('name', 'string', `\`"${type}"\``, 'Its name, when several seals have one type.'),
    setting('disabled', 'boolean', '`false`', 'It only decrypts, for a migration away from it.'),
  ]
}

/** Every setting of every block, for docs/settings.md. */
export const stanzas: readonly Stanza[] = [topLevel, ...storage, ...listenerStanzas, ...others]
