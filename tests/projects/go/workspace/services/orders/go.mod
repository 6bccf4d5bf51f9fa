module acme.dev/orders

go 1.22.0

require github.com/gofiber/fiber/v2 v2.52.0
