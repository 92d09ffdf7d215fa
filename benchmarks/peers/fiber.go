package main

import (
	"fmt"
	"io"
	"time"

	"github.com/gofiber/fiber/v3"
	"github.com/gofiber/fiber/v3/middleware/static"

	"wherry.example/wherry/benchmarks/routes"
)

func serveFiber(o options) error {
	app := fiber.New(fiber.Config{StreamRequestBody: true, BodyLimit: bodyLimit})
	for range o.middlewares {
		app.Use(fiberPass)
	}
	b := newBoard(o.events)
	app.Get("/", func(c fiber.Ctx) error { return c.SendString(hello) })
	app.Get("/json", func(c fiber.Ctx) error { return c.JSON(newArticle()) })
	app.Get("/sleep", func(c fiber.Ctx) error {
		time.Sleep(pause)
		return c.SendString("slept")
	})
	app.Get("/burn", func(c fiber.Ctx) error { return c.SendString(burn()) })
	app.Post("/upload", func(c fiber.Ctx) error {
		n, err := io.Copy(io.Discard, c.RequestCtx().RequestBodyStream())
		if err != nil {
			return err
		}
		return c.SendString(fmt.Sprint(n))
	})
	app.Get("/sse", func(c fiber.Ctx) error {
		c.Set("Content-Type", "text/event-stream")
		return c.SendStreamWriter(streamEvents(b))
	})
	app.Get("/file/*", static.New(o.files))
	for _, r := range o.routes {
		app.Add([]string{r.Method}, r.Pattern, fiberAnswer(r))
	}
	return app.Listen(o.addr, fiber.ListenConfig{DisableStartupMessage: true})
}

func fiberAnswer(r routes.Route) fiber.Handler {
	name := r.Last()
	if name == "" {
		return func(c fiber.Ctx) error { return c.SendString(r.Pattern) }
	}
	return func(c fiber.Ctx) error { return c.SendString(c.Params(name)) }
}

func fiberPass(c fiber.Ctx) error {
	if c.Get(stopField) != "" {
		return fiber.ErrForbidden
	}
	return c.Next()
}
