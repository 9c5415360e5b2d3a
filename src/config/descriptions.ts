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
      'The storage of the encrypted data: `storage "level"`, or `storage "inmem"` for tests.',
    ),
    setting('backend', 'block', '', 'An older name of `storage`.'),
    setting(
      'listener',
      'block',
      'required',
      'An address to listen on, `listener "tcp"` or `listener "unix"`; may occur several times.',
    ),
    setting(
      'audit',
      'block',
      '',
      'An audit device: `audit "file" "name"`; types and options in [audit-devices.md](audit-devices.md).',
    ),
    setting('audit_witness', 'block', '', 'A witness that cosigns the audit logs; may occur several times.'),
    setting(
      'seal',
      'block',
      '',
      'A seal that unseals the server without operators. Without it, operators submit key shares. See [seals.md](seals.md).',
    ),
    setting(
      'recovery_keys',
      'string',
      '`"authorize"`',
      'The use of recovery keys, with a seal. `"authorize"`: they only authorise operations; `"unseal"`: they also unseal the server when every seal is lost.',
    ),
    setting(
      'initialize',
      'block',
      '',
      'The requests that the first start performs: `initialize "name"`; may occur several times. See [first-boot.md](first-boot.md).',
    ),
    setting('user_lockout', 'block', '', 'The lockout of users after failed logins.'),
    setting('telemetry', 'block', '', 'Metrics.'),
    setting(
      'api_addr',
      'string',
      '',
      'The URL of this server for its clients, such as `"https://strongroom.example:8200"`.',
    ),
    setting('cluster_addr', 'string', '', 'Refused: there are no clusters of several servers.'),
    setting('cluster_name', 'string', 'a random one', 'The name of the cluster, fixed at the first unseal.'),
    setting('default_lease_ttl', 'duration', '`"768h"`', 'The TTL of tokens that are created without one.'),
    setting('max_lease_ttl', 'duration', '`"768h"`', 'The limit of the TTL of tokens.'),
    setting('log_level', 'string', '`"info"`', '`trace`, `debug`, `info`, `warn` or `error`.', 'value'),
    setting('log_format', 'string', '`"standard"`', '`"standard"` or `"json"`.'),
    setting(
      'log_file',
      'path',
      '',
      'A file for the server log, in addition to standard error; or a folder (with `/` at its end), for `strongroom.log` in it.',
      'file',
    ),
    setting(
      'log_rotate_bytes',
      'bytes',
      'no limit',
      'The largest size of the log file; then it is renamed, and a new one begins.',
    ),
    setting(
      'log_rotate_duration',
      'duration',
      '`"24h"`',
      'The greatest age of the log file; then it is renamed, and a new one begins.',
    ),
    setting(
      'log_rotate_max_files',
      'integer',
      '`0`',
      'The number of older log files to keep: `0` for all, `-1` for none.',
    ),
    setting(
      'backup_folder',
      'string',
      'none',
      'The folder below which scheduled snapshots may be written, outside the folder of the storage ([snapshots.md](snapshots.md#scheduled-snapshots)).',
    ),
    setting(
      'unsafe_allow_api_audit_creation',
      'boolean',
      '`false`',
      'Whether audit devices can be enabled over the API (`sys/audit`).',
    ),
    setting(
      'disable_mlock',
      'boolean',
      '`true`',
      'The server cannot lock its memory: only `true` is accepted. Prevent swapping with `MemorySwapMax=0` in the unit, or encrypt the swap.',
    ),
    setting('ui', 'boolean', '`false`', 'There is no web UI: only `false` is accepted.'),
    setting('raw_storage_endpoint', 'boolean', '`false`', 'There is no such endpoint: only `false` is accepted.'),
  ],
}

const storage: readonly Stanza[] = [
  {
    name: 'storage "level"',
    about: 'A LevelDB database in a folder of this machine. Only one server at a time can use it.',
    settings: [
      setting(
        'path',
        'path',
        'required',
        'The folder. The initialisation creates it, accessible to the user of the server only.',
      ),
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
    about: 'In memory; all data is lost when the server stops. It has no settings.',
    settings: [],
  },
]

const others: readonly Stanza[] = [
  {
    name: 'audit "file"',
    about: 'An audit device; the settings are the same for every type.',
    settings: [
      setting('description', 'string', '', 'A text for people.'),
      setting(
        'options',
        'block',
        '',
        'The options of the type, such as `file_path`: [audit-devices.md](audit-devices.md), and of files [audit.md](audit.md). SIGHUP opens files again.',
        'file',
      ),
    ],
  },
  {
    name: 'audit_witness "name"',
    about: 'A witness that cosigns the checkpoints of the audit logs ([audit-devices.md](audit-devices.md)).',
    settings: [
      setting('url', 'string', 'required', 'The URL of the witness, `https://…` or `http://…`.'),
      setting('key', 'string', 'required', 'The public key of the witness, as it prints it: `name+id+base64`.'),
      setting('tls_ca_file', 'path', 'those of Node', 'A file with the CAs (PEM) of the certificate of the witness.'),
    ],
  },
  {
    name: 'initialize "name"',
    about: 'Requests that the first start performs, in order ([first-boot.md](first-boot.md)). A `seal` is required.',
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
      'The lockout of users after failed logins ([login.md](login.md#lockout)). `"all"` is for every login method; `"userpass"`, `"approle"` or `"ldap"` takes precedence.',
    settings: [
      setting('lockout_threshold', 'integer', '`5`', 'The number of failed logins that lock a user out.'),
      setting('lockout_duration', 'duration', '`"15m"`', 'The duration of the lockout.'),
      setting('lockout_counter_reset', 'duration', '`"15m"`', 'The time without a failed login that resets the count.'),
      setting('disable_lockout', 'boolean', '`false`', 'Whether the lockout is off.'),
    ],
  },
  {
    name: 'telemetry',
    about:
      'Metrics ([operations.md](operations.md#state-and-metrics)). Settings of Vault are accepted if they have an effect, or describe the behaviour of this server anyway; the others are refused.',
    settings: [
      setting(
        'usage_gauge_period',
        'duration',
        '`"10m"`',
        'The interval at which tokens, leases and entities are counted; `"none"`: never.',
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
        'Metrics to leave out (`"-vault.expire"`) or to keep (`"+vault.expire.num_leases"`), by prefixes of their names; the longest matching prefix decides.',
      ),
      setting(
        'filter_default',
        'boolean',
        '`true`',
        'Whether metrics without a matching prefix in `prefix_filter` are shown.',
      ),
      setting('disable_hostname', 'boolean', '`true`', 'Names of metrics have no host name: only `true` is accepted.'),
      setting(
        'enable_hostname_label',
        'boolean',
        '`false`',
        'Labels of metrics have no host name: only `false` is accepted.',
      ),
      setting(
        'add_lease_metrics_namespace_labels',
        'boolean',
        '`false`',
        'Labels of metrics have no namespaces: only `false` is accepted.',
      ),
      setting(
        'prometheus_retention_time',
        'duration',
        '',
        'Accepted without effect: metrics are kept as long as the server runs.',
      ),
      setting(
        'maximum_gauge_cardinality',
        'integer',
        '',
        'Accepted without effect: the number of label values is bounded anyway.',
      ),
      ...['statsd_address', 'statsite_address', 'dogstatsd_addr', 'circonus_api_token', 'stackdriver_project_id'].map(
        (name) => setting(name, 'string', '', 'Refused: the server sends no metrics; read them from `sys/metrics`.'),
      ),
    ],
  },
]

/** Every setting of every block, for docs/settings.md. */
export const stanzas: readonly Stanza[] = [topLevel, ...storage, ...listenerStanzas, ...sealStanzas, ...others]
