package main

import (
	"github.com/caarlos0/env/v10"
	amqp "github.com/rabbitmq/amqp091-go"
	"github.com/valyala/fasthttp"
)

type config struct {
	Port    int    `env:"PORT" envDefault:"8025"`
	AmqpURL string `env:"AMQP_URL,required"`
	Level   string `env:"LOG_LEVEL"`
}

func main() {
	var cfg config
	env.Parse(&cfg)
	amqp.Dial(cfg.AmqpURL)
	fasthttp.ListenAndServe(addr(cfg), nil)
}
