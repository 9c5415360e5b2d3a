# A pod: reads the secrets of its service account, in the folder of its Kubernetes namespace, as the login method "kubernetes" has
# checked them. It writes nothing. Namespace and name are two segments: joined into one, "a-b" + "c" would be "a" + "b-c".
# Replace ACCESSOR by that of the kubernetes mount: strongroom read -field=accessor sys/auth/kubernetes
path "secret/data/k8s/{{identity.entity.aliases.ACCESSOR.metadata.service_account_namespace}}/{{identity.entity.aliases.ACCESSOR.metadata.service_account_name}}/*" {
  capabilities = ["read"]
}

path "secret/metadata/k8s/{{identity.entity.aliases.ACCESSOR.metadata.service_account_namespace}}/{{identity.entity.aliases.ACCESSOR.metadata.service_account_name}}/" {
  capabilities = ["list"]
}
