# A person: keeps secrets in a folder of one's own, and changes one's own password. Nothing of anybody else, no policies, no tokens.
# The folder has the id of the entity: names can be changed and given to others, ids cannot.
# Replace ACCESSOR by that of the userpass mount: strongroom read -field=accessor sys/auth/userpass
path "secret/data/people/{{identity.entity.id}}/*" {
  capabilities = ["create", "read", "update", "patch", "delete"]
}

path "secret/metadata/people/{{identity.entity.id}}/*" {
  capabilities = ["read", "list", "delete"]
}

path "secret/undelete/people/{{identity.entity.id}}/*" {
  capabilities = ["update"]
}

path "secret/destroy/people/{{identity.entity.id}}/*" {
  capabilities = ["update"]
}

# A password, not a hash made elsewhere: that could be of a password which is too short, or too cheap to guess.
path "auth/userpass/users/{{identity.entity.aliases.ACCESSOR.name}}/password" {
  capabilities        = ["update"]
  allowed_parameters  = { "password" = [] }
  required_parameters = ["password"]
}
