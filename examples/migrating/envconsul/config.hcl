vault {
  address = "https://vault.example.com:8200"
}

upcase = true

secret {
  no_prefix = true
  path      = "secret/data/web/db"
  format    = "db_{{ key }}"
}

secret {
  no_prefix = true
  path      = "secret/data/web/mail"
  key {
    name   = "token"
    format = "mail_{{ key }}"
  }
}

exec {
  command = "/usr/bin/web"
}
