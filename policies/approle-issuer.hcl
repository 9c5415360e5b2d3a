# A pipeline that starts an application: it reads the role id of the role "web" and gets secret ids for it, only wrapped, so that it
# never sees them. It can change nothing about the role, and cannot log in without unwrapping, which the application would notice.
path "auth/approle/role/web/role-id" {
  capabilities = ["read"]
}

path "auth/approle/role/web/secret-id" {
  capabilities     = ["update"]
  min_wrapping_ttl = "1s"
  max_wrapping_ttl = "10m"
}
