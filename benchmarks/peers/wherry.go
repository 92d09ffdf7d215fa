package main

import (
	"context"
	"io"
	"log"
	"strconv"
	"time"

	"wherry.example/wherry"
	"wherry.example/wherry/benchmarks/routes"
	"wherry.example/wherry/engine"
	"wherry.example/wherry/sse"
	"wherry.example/wherry/static"
)

// wherryOn returns a server on one of our engines.
func wherryOn(kind engine.Kind) func(options) error {
	return func(o options) error { return wherryApp(o).Engine(kind).Listen(o.addr) }
}

func wherryApp(o options) *wherry.App {
	app := wherry.New()
	for range o.middlewares {
		app.Use(wherryPass)
	}
	hub := sse.NewHub(sse.HubOptions{Replay: sse.NoReplay})
	publish(o.events, func(event string) {
		if err := hub.Publish(context.Background(), sse.Event{Data: event}); err != nil {
			log.Print(err)
		}
	})
	app.OnShutdown(hub.Close)
	app.Get("/", func(c *wherry.Context) error { return c.Text(200, hello) })
	app.Get("/json", func(c *wherry.Context) error { return c.JSON(200, newArticle()) })
	app.Get("/sleep", func(c *wherry.Context) error {
		time.Sleep(pause)
		return c.Text(200, "slept")
	})
	app.Get("/burn", func(c *wherry.Context) error { return c.Text(200, burn()) })
	app.Post("/upload", func(c *wherry.Context) error {
		n, err := io.Copy(io.Discard, c.Body())
		if err != nil {
			return err
		}
		return c.Text(200, strconv.FormatInt(n, 10))
	}, wherry.BodyLimit(bodyLimit))
	app.Get("/sse", hub.Handler())
	app.Get("/file/**", static.Dir(o.files))
	for _, r := range o.routes {
		app.Handle(r.Method, r.Pattern, wherryAnswer(r))
	}
	return app
}

func wherryAnswer(r routes.Route) wherry.Handler {
	name := r.Last()
	if name == "" {
		return func(c *wherry.Context) error { return c.Text(200, r.Pattern) }
	}
	return func(c *wherry.Context) error { return c.Text(200, c.Param(name)) }
}

func wherryPass(next wherry.Handler) wherry.Handler {
	return func(c *wherry.Context) error {
		if c.Header(stopField) != "" {
			return wherry.NewError(403, "")
		}
		return next(c)
	}
}
