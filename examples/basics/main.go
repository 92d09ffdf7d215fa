// Basics shows the main parts of an app in one place: routes with parameters,
// a body that is read, static files, limits, the hooks of a connection's life,
// and an own answer for paths that do not exist.
package main

import (
	"embed"
	"flag"
	"io/fs"
	"log"
	"mime"
	"path"
	"strings"

	"wherry.example/wherry"
	"wherry.example/wherry/engine"
)

//go:embed public
var public embed.FS

func main() {
	addr := flag.String("addr", "127.0.0.1:8080", "address to listen on")
	kind := flag.String("engine", string(engine.Auto), "how connections are driven")
	flag.Parse()

	if err := newApp().Engine(engine.Kind(*kind)).Listen(*addr); err != nil {
		log.Fatal(err)
	}
}

func newApp() *wherry.App {
	app := wherry.New().Limits(wherry.Limits{Head: 8 << 10, Body: 1 << 20})

	app.Get("/", func(c *wherry.Context) error { return c.Text(200, "Hello, World!\n") })
	app.Post("/upper", func(c *wherry.Context) error {
		body, err := c.BodyBytes()
		if err != nil {
			return err
		}
		return c.Text(200, strings.ToUpper(string(body)))
	})
	app.Get("/user/:id", func(c *wherry.Context) error { return c.Text(200, c.Param("id")+"\n") })
	app.Get("/api/v1/*", func(c *wherry.Context) error { return c.Text(200, "api: "+c.Param("*")+"\n") })
	app.Get("/static/**", file)
	app.NotFound(func(c *wherry.Context) error {
		return c.Text(404, "There is nothing at "+c.Path()+"\n")
	})

	app.OnConnect(func(c *wherry.Conn) error {
		log.Printf("connected: %v", c.RemoteAddr())
		return nil // an error would refuse the connection
	})
	app.BeforeRouting(func(c *wherry.Context) error {
		if c.RawPath() == "/index.html" {
			c.SetPath("/")
		}
		return nil // an answer given here would be final
	})
	app.OnDisconnect(func(c *wherry.Conn, cause error) {
		log.Printf("disconnected: %v after %d requests, cause: %v", c.RemoteAddr(), c.Requests(), cause)
	})
	return app
}

// file serves a file that was built into the program.
func file(c *wherry.Context) error {
	name, ok := wherry.FilePath(c)
	if !ok {
		return wherry.NewError(404, "")
	}
	content, err := fs.ReadFile(public, path.Join("public", name))
	if err != nil {
		return wherry.NewError(404, "")
	}
	kind := mime.TypeByExtension(path.Ext(name))
	if kind == "" {
		kind = "application/octet-stream"
	}
	return c.Bytes(200, kind, content)
}
