package main

import (
	"net/http"

	"example.com/platform/v2/internal/config"
	"example.com/platform/v2/internal/server"
)

func main() {
	cfg := config.Load()
	http.ListenAndServe(":"+cfg.Port, server.Router())
}
