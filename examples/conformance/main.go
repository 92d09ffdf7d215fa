// Conformance is a server for protocol tools: h1spec, Http11Probe and others
// ask it the questions that need a known answer.
package main

import (
	"flag"
	"fmt"
	"io"
	"log"

	"wherry.example/wherry"
	"wherry.example/wherry/engine"
)

func main() {
	addr := flag.String("addr", "127.0.0.1:8080", "address to listen on")
	kind := flag.String("engine", string(engine.Auto), "how connections are driven")
	flag.Parse()

	app := wherry.New().Engine(engine.Kind(*kind))
	app.Get("/", func(c *wherry.Context) error { return c.Text(200, "OK") })
	app.Post("/echo", func(c *wherry.Context) error { return c.Stream(200, "application/octet-stream", c.Body()) })
	app.Post("/ignore", func(c *wherry.Context) error { return c.Text(200, "ignored") })
	app.Get("/nocontent", func(c *wherry.Context) error { return c.NoContent() })
	app.Get("/stream", stream)
	app.Get("/user/:id", func(c *wherry.Context) error { return c.Text(200, c.Param("id")) })
	app.Get("/notmodified", func(c *wherry.Context) error {
		c.SetHeader(wherry.HeaderETag, `"1"`)
		return c.Status(304).NoContent()
	})
	app.Get("/headers", headers).Post("/headers", headers)
	if err := app.Listen(*addr); err != nil {
		log.Fatal(err)
	}
}

// stream sends content whose length nobody knows before its end.
func stream(c *wherry.Context) error {
	c.SetHeader(wherry.HeaderContentType, "text/plain")
	for i := range 10 {
		fmt.Fprintf(c, "line %d\n", i)
		if err := c.Flush(); err != nil {
			return err
		}
	}
	return nil
}

// headers reads the body and then tells what the head of the request said.
func headers(c *wherry.Context) error {
	if _, err := io.Copy(io.Discard, c.Body()); err != nil {
		return err
	}
	c.SetHeader(wherry.HeaderContentType, "text/plain")
	fmt.Fprintf(c, "host: %s\n", c.Host())
	for name, value := range c.Headers().All() {
		fmt.Fprintf(c, "%s: %s\n", name, value)
	}
	return nil
}
