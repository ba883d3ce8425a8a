vault {
  address = "https://vault.example.com:8200"
}

auto_auth {
  method "kubernetes" {
    config = {
      role = "web"
    }
  }
}

template {
  source      = "app.properties.ctmpl"
  destination = "/vault/secrets/app.properties"
  perms       = "0640"
}

template {
  contents    = <<-EOT
    {{- with secret "secret/data/web/db" }}
    {{- range $key, $value := .Data.data }}
    export {{ $key }}={{ $value }}
    {{- end }}
    {{- end }}
    EOT
  destination = "/vault/secrets/db.env"
  command     = "systemctl reload web"
}
