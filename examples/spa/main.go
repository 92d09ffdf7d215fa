// Spa serves a single-page app that was built into the program, and the API it
// talks to. Paths that the app routes by itself get its first page; files with
// a hash in their name are kept by browsers for ever.
//
//	curl -i -H 'Accept: text/html' http://127.0.0.1:8080/boats/7
package main

import (
	"embed"
	"flag"
	"io/fs"
	"log"

	"wherry.example/wherry"
	"wherry.example/wherry/engine"
	"wherry.example/wherry/static"
)

//go:embed public
var public embed.FS

var boats = []string{"punt", "skiff", "wherry"}

func main() {
	addr := flag.String("addr", "127.0.0.1:8080", "address to listen on")
	kind := flag.String("engine", string(engine.Auto), "how connections are driven")
	flag.Parse()

	if err := newApp().Engine(engine.Kind(*kind)).Listen(*addr); err != nil {
		log.Fatal(err)
	}
}

func newApp() *wherry.App {
	site, err := fs.Sub(public, "public")
	if err != nil {
		log.Fatal(err)
	}
	app := wherry.New()
	app.Group("/api", func(g *wherry.Group) {
		g.Get("/boats", func(c *wherry.Context) error { return c.JSON(200, boats) })
		g.Get("/boats/:id", boat)
		// Without this a misspelt path of the API would get the page.
		g.Get("/**", func(*wherry.Context) error { return wherry.NewError(404, "") })
	})
	app.Get("/**", static.FS(site, static.Options{
		Fallback:     "index.html",
		CacheControl: static.ImmutableIfHashed,
	}))
	return app
}

func boat(c *wherry.Context) error {
	id, err := wherry.Param[int](c, "id")
	if err != nil {
		return err
	}
	if id < 0 || id >= len(boats) {
		return wherry.NewError(404, "There is no such boat.")
	}
	return c.JSON(200, boats[id])
}
