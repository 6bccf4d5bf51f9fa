module acme.dev/lib

go 1.22.0

require github.com/go-sql-driver/mysql v1.8.0
