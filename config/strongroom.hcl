# strongroom, production. Every setting that matters, with what it does; anything misspelt is refused with its line.

# Where the (encrypted) data lies. The folder is made at "operator init", readable by the server's user only.
storage "level" {
  path = "/var/lib/strongroom/data"
  # Nothing is written while the disk has less room than this.
  min_free_bytes = 67108864
}

listener "tcp" {
  address       = "0.0.0.0:8200"
  tls_cert_file = "/etc/strongroom/tls/server.crt" # read again on SIGHUP
  tls_key_file  = "/etc/strongroom/tls/server.key"
  tls_min_version = "tls12" # or "tls13"; tls_max_version likewise. tls_cipher_suites chooses among those of TLS 1.2.

  # Only clients that show a certificate of these authorities are answered at all (read again on SIGHUP).
  # tls_client_ca_file                 = "/etc/strongroom/tls/clients.crt"
  # tls_require_and_verify_client_cert = true

  # Behind a balancer: whose word is taken for where a client comes from. Audit lines, bound CIDRs and quotas then mean the client.
  # x_forwarded_for_authorized_addrs = "10.1.2.0/28"
  # x_forwarded_for_hop_skips        = 0
  # proxy_protocol_behavior          = "deny_unauthorized" # or "allow_authorized"; "use_always" believes everybody
  # proxy_protocol_authorized_addrs  = "10.1.2.0/28"

  # Bytes of a request's body, and times for a request: until its headers, until all of it is there, and until it is answered.
  max_request_size         = 4194304
  http_read_header_timeout = "10s"
  http_read_timeout        = "90s"
  http_idle_timeout        = "65s"
  # max_request_duration   = "90s"

  # Anybody who reaches the port could start or cancel these; leave them off and use sys/rotate/root/* and
  # sys/generate-root-token/* with a token instead (policies/operator.hcl). If every token is lost, set the second to
  # false and restart: key shares alone make a root token then (docs/operations.md).
  disable_unauthed_rekey_endpoints         = true
  disable_unauthed_generate_root_endpoints = true
}

# For programs on this machine. Without socket_mode only the server's user may connect.
# listener "unix" {
#   address      = "/run/strongroom/api.sock"
#   socket_mode  = "0660"
#   socket_group = "strongroom-clients"
# }

# The address that clients use.
api_addr = "https://strongroom.example:8200"

# Audit devices stand here, so that nobody with a token can add or remove one.
audit "file" "file" {
  description = "what an auditor reads"
  options {
    file_path = "/var/log/strongroom/audit.log"
    mode      = "0600"
  }
}

# The longest life of tokens.
max_lease_ttl     = "768h"
default_lease_ttl = "768h"

log_format = "json"
