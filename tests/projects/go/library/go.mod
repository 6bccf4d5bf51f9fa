module github.com/acme/ring

go 1.18
