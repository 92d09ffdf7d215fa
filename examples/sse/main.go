// Sse shows events in a page while they happen. Whoever posts to /notify is
// heard by everybody who has the page open, and by those who lost their
// connection as soon as they are back: the browser says which event it got
// last.
//
//	curl -d 'tea is ready' http://127.0.0.1:8080/notify
//	curl -N http://127.0.0.1:8080/events
package main

import (
	_ "embed"
	"flag"
	"log"
	"time"

	"wherry.example/wherry"
	"wherry.example/wherry/engine"
	"wherry.example/wherry/sse"
)

//go:embed page.html
var page string

func main() {
	addr := flag.String("addr", "127.0.0.1:8080", "address to listen on")
	kind := flag.String("engine", string(engine.Auto), "how connections are driven")
	flag.Parse()

	if err := newApp().Engine(engine.Kind(*kind)).Listen(*addr); err != nil {
		log.Fatal(err)
	}
}

func newApp() *wherry.App {
	hub := sse.NewHub(sse.HubOptions{
		Replay: 100,
		Stream: sse.Options{Retry: time.Second},
	})
	app := wherry.New().Limits(wherry.Limits{Body: 4 << 10})
	app.OnShutdown(hub.Close) // or the open streams would hold the shutdown up

	app.Get("/", func(c *wherry.Context) error {
		// Without pictures the browser does not ask for an icon either.
		c.SetHeader("Content-Security-Policy", "default-src 'self' 'unsafe-inline'; img-src 'none'")
		return c.HTML(200, page)
	})
	app.Get("/events", hub.Handler())
	app.Post("/notify", func(c *wherry.Context) error {
		text, err := c.BodyBytes()
		if err != nil {
			return err
		}
		if len(text) == 0 {
			return wherry.NewError(422, "Say something.")
		}
		if err := hub.Publish(c.Context(), sse.Event{Name: "note", Data: string(text)}); err != nil {
			return err
		}
		return c.Status(204).NoContent()
	})
	return app
}
