#!/bin/sh
# Starts an application with its secrets: one command fetches them, or the script ends here with a code that says why.
# Needs $VAULT_ADDR, and a token that may read secret/data/app/db in $VAULT_TOKEN or ~/.vault-token.
set -eu

export VAULTONCE_CONFIG_INLINE='
auth: { method: token }
secrets: { db: secret/app/db }
outputs:
  - path: db.env
    contents: |
      DB_USER={{#@shell}}{{db.username}}{{/@shell}}
      DB_PASSWORD={{#@shell}}{{db.password}}{{/@shell}}
output: { directory: "${RUNTIME_DIRECTORY:-/dev/shm/app}" }
'

vaultonce render --quiet
# Exported, so that the application gets them.
set -a
# shellcheck source=/dev/null
. "${RUNTIME_DIRECTORY:-/dev/shm/app}/db.env"
set +a
exec "$@"
