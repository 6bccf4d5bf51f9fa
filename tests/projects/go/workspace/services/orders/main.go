package main

import (
	"acme.dev/lib/env"
	"github.com/gofiber/fiber/v2"
)

func main() {
	env.Database()
	app := fiber.New()
	app.Get("/livez", func(c *fiber.Ctx) error { return c.SendString("ok") })
	app.Listen(":3000")
}
