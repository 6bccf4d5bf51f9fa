package server

import (
	"net/http"

	"github.com/go-chi/chi/v5"
	"github.com/redis/go-redis/v9"
)

func Router() http.Handler {
	rdb := redis.NewClient(&redis.Options{Addr: "localhost:6379"})
	r := chi.NewRouter()
	r.Get("/health", func(w http.ResponseWriter, _ *http.Request) { rdb.Ping(nil) })
	return r
}
