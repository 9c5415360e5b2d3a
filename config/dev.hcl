# For trying the production path on one machine, without TLS: never on a network.
storage "level" {
  path = "./strongroom-data"
}

listener "tcp" {
  address     = "127.0.0.1:8200"
  tls_disable = true
}

audit "file" "file" {
  options {
    file_path = "/tmp/strongroom-audit.log"
  }
}
