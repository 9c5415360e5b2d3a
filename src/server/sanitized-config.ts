import type { Config, ListenerConfig } from '../config/types.ts'

/** The active configuration for `sys/config/state/sanitized`: by the names of the file, without secrets. */
export function sanitized(config: Config): Readonly<Record<string, unknown>> {
  return {
    api_addr: config.apiAddr ?? '',
    cluster_name: config.clusterName ?? '',
    default_lease_ttl: config.defaultLeaseTtl,
    max_lease_ttl: config.maxLeaseTtl,
    log_level: config.logLevel,
    log_format: config.logFormat,
    log_file: config.logFile ?? '',
    log_rotate_bytes: config.logRotateBytes ?? 0,
    log_rotate_duration: config.logRotateDuration ?? 0,
    log_rotate_max_files: config.logRotateMaxFiles ?? 0,
    unsafe_allow_api_audit_creation: config.apiAudit,
    raw_storage_endpoint: false,
    storage: { type: config.storage.type },
    ...(config.seals.length > 0 && {
      seals: config.seals.map(({ type, name, disabled }) => ({ type, name, disabled })),
      recovery_keys: config.recoveryUnseals ? 'unseal' : 'authorize',
    }),
    ...(config.initialize.length > 0 && { initialize: config.initialize.map(({ name }) => name) }),
    listeners: config.listeners.map((listener) => ({
      type: listener.unix ? 'unix' : 'tcp',
      config: listenerOf(listener),
    })),
    // Options of a device may be confidential, such as addresses with passwords.
    audits: config.audits.map(({ type, path }) => ({ type, path })),
  }
}

function listenerOf(listener: ListenerConfig): Readonly<Record<string, unknown>> {
  const { host, port, unix, tls, maxRequestSize, maxRequestDuration } = listener
  return {
    address: unix?.path ?? `${host.includes(':') ? `[${host}]` : host}:${port}`,
    tls_disable: !tls,
    ...(tls && {
      tls_min_version: tls.minVersion === 'TLSv1.3' ? 'tls13' : 'tls12',
      tls_max_version: tls.maxVersion === 'TLSv1.2' ? 'tls12' : 'tls13',
      tls_require_and_verify_client_cert: tls.clientCaFile !== undefined,
      tls_disable_client_certs: tls.noClientCert === true,
    }),
    ...(listener.proxyProtocol && { proxy_protocol_behavior: listener.proxyProtocol.behavior }),
    ...(listener.forwardedFor && { x_forwarded_for_authorized_addrs: listener.forwardedFor.authorized }),
    ...(listener.forwardedFor?.certificate && {
      x_forwarded_for_client_cert_header: listener.forwardedFor.certificate.header,
      x_forwarded_for_client_cert_decoders: listener.forwardedFor.certificate.decoders,
    }),
    ...(maxRequestSize !== undefined && { max_request_size: maxRequestSize }),
    ...(maxRequestDuration !== undefined && { max_request_duration: maxRequestDuration }),
    ...(listener.openMetrics && { telemetry: { unauthenticated_metrics_access: true } }),
    disable_unauthed_rekey_endpoints: !listener.unauthedRekey,
    disable_unauthed_generate_root_endpoints: !listener.unauthedGenerateRoot,
  }
}
