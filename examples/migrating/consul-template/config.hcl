vault {
  address                = "https://vault.example.com:8200"
  vault_agent_token_file = "/run/vault/token"
  ssl {
    ca_cert = "/etc/vault/ca.pem"
  }
}

template {
  destination = "/run/web/app.conf"
  perms       = 0600
  contents    = <<EOF
{{- with secret "secret/data/web/db" }}
user = {{ .Data.data.username }}
{{- end }}
{{- with secret "pki/issue/web" "common_name=web.example.com" "ttl=24h" }}
certificate = {{ .Data.certificate | toJSON }}
{{- end }}
EOF
}

exec {
  command = "/usr/bin/web"
}
