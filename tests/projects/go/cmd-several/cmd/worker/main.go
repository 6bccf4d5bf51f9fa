package main

import (
	"context"
	"os"

	"github.com/segmentio/kafka-go"
)

func main() {
	r := kafka.NewReader(kafka.ReaderConfig{Brokers: []string{os.Getenv("KAFKA_BROKERS")}})
	for {
		r.ReadMessage(context.Background())
	}
}
