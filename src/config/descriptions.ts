import { setting } from './description.ts'
import type { Stanza } from './description.ts'
import { listenerStanzas } from './listener-descriptions.ts'
import { sealStanzas } from './seals/descriptions.ts'

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
      'backup_folder',
      'string',
      'none',
      'The folder below which scheduled snapshots may be written; not in that of the storage.',
    ),
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
      "Metrics ([operations.md](operations.md#state-and-metrics)). Of Vault's settings those with an effect, and those that are so here anyway; the others are refused.",
    settings: [
      setting(
        'usage_gauge_period',
        'duration',
        '`"10m"`',
        'How long a count of tokens, leases and entities is used before they are counted again; `"none"`: they are not counted.',
      ),
      setting(
        'metrics_prefix',
        'string',
        '`"vault"`',
        'The first part of the names of metrics. The shipped alerts and the dashboard expect `"vault"`.',
      ),
      setting(
        'prefix_filter',
        'list',
        '',
        'Metrics to leave out (`"-vault.expire"`) or to keep (`"+vault.expire.num_leases"`), by prefixes of their names; the longest counts.',
      ),
      setting(
        'filter_default',
        'boolean',
        '`true`',
        'Whether metrics are shown that no rule of `prefix_filter` names.',
      ),
      setting(
        'disable_hostname',
        'boolean',
        '`true`',
        'Metrics have no host name in their names: only `true` is accepted.',
      ),
      setting(
        'enable_hostname_label',
        'boolean',
        '`false`',
        'Metrics have no host name in their labels: only `false` is accepted.',
      ),
      setting(
        'add_lease_metrics_namespace_labels',
        'boolean',
        '`false`',
        'Metrics name no namespaces: only `false` is accepted.',
      ),
      setting('prometheus_retention_time', 'duration', '', 'Accepted: metrics are kept as long as the server runs.'),
      setting(
        'maximum_gauge_cardinality',
        'integer',
        '',
        'Accepted: no metric has more values than there are audit devices, certificates, operations and outcomes.',
      ),
      ...['statsd_address', 'statsite_address', 'dogstatsd_addr', 'circonus_api_token', 'stackdriver_project_id'].map(
        (name) => setting(name, 'string', '', 'Refused: metrics are read from `sys/metrics`, and sent nowhere.'),
      ),
    ],
  },
]

/** Every setting of every block, for docs/settings.md. */
export const stanzas: readonly Stanza[] = [topLevel, ...storage, ...listenerStanzas, ...sealStanzas, ...others]
