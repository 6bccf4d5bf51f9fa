module example.com/platform/v2

go 1.21.0

toolchain go1.22.3

require (
	github.com/go-chi/chi/v5 v5.0.12
	github.com/redis/go-redis/v9 v9.5.1
	github.com/segmentio/kafka-go v0.4.47
)
