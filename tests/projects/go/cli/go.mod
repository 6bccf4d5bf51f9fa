module github.com/acme/wordcount

go 1.22
