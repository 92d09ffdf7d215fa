// Hello answers GET / with "Hello, World!".
package main

import (
	"flag"
	"log"

	"wherry.example/wherry"
	"wherry.example/wherry/engine"
)

func main() {
	addr := flag.String("addr", "127.0.0.1:8080", "address to listen on")
	kind := flag.String("engine", string(engine.Auto), "how connections are driven")
	flag.Parse()

	app := wherry.New().Engine(engine.Kind(*kind))
	app.Get("/", func(c *wherry.Context) error { return c.Text(200, "Hello, World!") })
	if err := app.Listen(*addr); err != nil {
		log.Fatal(err)
	}
}
