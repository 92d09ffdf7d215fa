// Customrouter puts a hand-written switch in the place of the router: a
// BeforeRouting hook that answers is the last word on a request.
package main

import (
	"flag"
	"log"
	"strings"

	"wherry.example/wherry"
	"wherry.example/wherry/engine"
)

func main() {
	addr := flag.String("addr", "127.0.0.1:8080", "address to listen on")
	kind := flag.String("engine", string(engine.Auto), "how connections are driven")
	flag.Parse()

	app := wherry.New().Engine(engine.Kind(*kind)).BeforeRouting(route)
	if err := app.Listen(*addr); err != nil {
		log.Fatal(err)
	}
}

func route(c *wherry.Context) error {
	path := c.Path()
	switch name, isHello := strings.CutPrefix(path, "/hello/"); {
	case c.Method() != "GET":
		c.SetHeader(wherry.HeaderAllow, "GET")
		return wherry.NewError(405, "")
	case path == "/":
		return c.Text(200, "try /hello/you\n")
	case isHello && name != "":
		return c.Text(200, "Hello, "+name+"!\n")
	}
	return wherry.NewError(404, "")
}
