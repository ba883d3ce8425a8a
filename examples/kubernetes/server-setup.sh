#!/bin/sh
# What the server needs for deployment.yaml: the auth mount, the policy that the config needs, and a role for one service
# account with an audience. For OpenBao; with CLI=vault the same for HashiCorp Vault. Needs VAULT_ADDR and an operator's token.
set -eu
cli=${CLI:-bao} config=${CONFIG:-vaultonce.yaml} role=${ROLE:-web}
namespace=${NAMESPACE:-default} account=${SERVICE_ACCOUNT:-$role} audience=${AUDIENCE:-vault}

if ! "$cli" read auth/kubernetes/config >/dev/null 2>&1; then
  "$cli" auth list | grep -q '^kubernetes/' || "$cli" auth enable kubernetes
  # A server in the cluster finds the CA and its own token; elsewhere KUBERNETES_CA names the CA, and each login reviews itself.
  set -- kubernetes_host="${KUBERNETES_HOST:-https://kubernetes.default.svc}"
  [ -z "${KUBERNETES_CA:-}" ] || set -- "$@" kubernetes_ca_cert="@$KUBERNETES_CA" disable_local_ca_jwt=true
  "$cli" write auth/kubernetes/config "$@"
fi

policy=$(vaultonce policy --auth token -c "$config")
printf '%s\n' "$policy" | "$cli" policy write "$role" -

"$cli" write "auth/kubernetes/role/$role" \
  bound_service_account_names="$account" bound_service_account_namespaces="$namespace" \
  audience="$audience" token_policies="$role" token_ttl=20m
