package env

import (
	"os"

	_ "github.com/go-sql-driver/mysql"
)

func Database() string {
	dsn, ok := os.LookupEnv("MYSQL_DSN")
	if !ok {
		panic("MYSQL_DSN is missing")
	}
	return dsn
}
