module gitlab.com/acme/mailer

go 1.22

require (
	github.com/caarlos0/env/v10 v10.0.0
	github.com/valyala/fasthttp v1.52.0
	github.com/rabbitmq/amqp091-go v1.9.0
	github.com/stretchr/testify v1.9.0
)
