# A production configuration with the important settings. An unknown setting stops the start, with its line in the error.

# The folder of the encrypted data. The initialisation ("operator init") creates it, accessible to the server's user only.
storage "level" {
  path = "/var/lib/strongroom/data"
  # Writes are refused while the disk has less free space than this.
  min_free_bytes = 67108864
}

listener "tcp" {
  address       = "0.0.0.0:8200"
  tls_cert_file = "/etc/strongroom/tls/server.crt" # reloaded on SIGHUP
  tls_key_file  = "/etc/strongroom/tls/server.key"
  tls_min_version = "tls12" # or "tls13"; tls_max_version likewise. tls_cipher_suites selects cipher suites of TLS 1.2.

  # Accept only clients with a certificate of these CAs (reloaded on SIGHUP).
  # tls_client_ca_file                 = "/etc/strongroom/tls/clients.crt"
  # tls_require_and_verify_client_cert = true

  # Behind a load balancer: the proxies that may set the client address, which audit lines, bound CIDRs and quotas then use.
  # x_forwarded_for_authorized_addrs = "10.1.2.0/28"
  # x_forwarded_for_hop_skips        = 0
  # proxy_protocol_behavior          = "deny_unauthorized" # or "allow_authorized"; "use_always" trusts every client
  # proxy_protocol_authorized_addrs  = "10.1.2.0/28"

  # The maximum size of a request body in bytes, and timeouts: for the headers, for the whole request, for an idle connection, and until the response.
  max_request_size         = 8388608
  http_read_header_timeout = "10s"
  http_read_timeout        = "90s"
  http_idle_timeout        = "65s"
  # max_request_duration   = "90s"

  # Without a token, anybody who can reach the port could start or cancel these operations. Keep them disabled and use sys/rotate/root/* and
  # sys/generate-root-token/* with a token (policies/operator.hcl). If every token is lost, set the second one to
  # false and restart: then key shares are sufficient to create a root token (docs/operations.md).
  disable_unauthed_rekey_endpoints         = true
  disable_unauthed_generate_root_endpoints = true

  # Metrics without a token, on a sealed server as well.
  # telemetry { unauthenticated_metrics_access = true }
}

# For programs on the same machine. Without socket_mode, only the server's user may connect.
# listener "unix" {
#   address      = "/run/strongroom/api.sock"
#   socket_mode  = "0660"
#   socket_group = "strongroom-clients"
# }

# The address that clients use.
api_addr = "https://strongroom.example:8200"

# Audit devices are declared here, so that no token can add or remove one.
audit "file" "file" {
  description = "the log for auditors"
  options {
    file_path = "/var/log/strongroom/audit.log"
    mode      = "0600"
  }
}

# The maximum and default TTL of tokens.
max_lease_ttl     = "768h"
default_lease_ttl = "768h"

# Scheduled snapshots may be written below this folder, and nowhere else (docs/snapshots.md). Use another disk, and allow it in the unit (ReadWritePaths).
# backup_folder = "/mnt/backup/strongroom"

# Failed logins lock users out; these are the defaults. A block for "userpass", "approle" or "ldap" takes precedence.
user_lockout "all" {
  lockout_threshold     = "5"
  lockout_duration      = "15m"
  lockout_counter_reset = "15m"
}

# The server's own log goes to standard error (journald); to have it in a file, too:
# log_file             = "/var/log/strongroom/server.log"
# log_rotate_bytes     = 104857600
# log_rotate_duration  = "24h"
# log_rotate_max_files = 14
log_format = "json"
