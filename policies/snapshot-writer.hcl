# Saves snapshots of the server, and nothing else: what it saves is encrypted, and it can restore none.
path "sys/storage/raft/snapshot" {
  capabilities = ["read"]
}
