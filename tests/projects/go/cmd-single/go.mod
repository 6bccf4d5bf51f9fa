module github.com/acme/notes

go 1.20

require github.com/labstack/echo/v4 v4.11.4
