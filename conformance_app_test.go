package wherry_test

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"

	"wherry.example/wherry"
)

// corpusApps are the apps that conversations talk to.
var corpusApps = map[string]func() *wherry.App{
	"default": func() *wherry.App { return corpusApp() },
	"tight": func() *wherry.App {
		return corpusApp().Limits(wherry.Limits{
			Head: 512, FieldLines: 5, Target: 100, Body: 10, ChunkExtensions: 16, Trailer: 64, Drain: 16,
		})
	},
}

var errSecret = errors.New("a secret of the program")

func corpusApp() *wherry.App {
	app := wherry.New().Logger(slog.New(slog.DiscardHandler))
	text := func(s string) wherry.Handler {
		return func(c *wherry.Context) error { return c.Text(200, s) }
	}
	app.Get("/probe", text("probe"))
	app.Get("/", text("root"))
	app.Get("/hello/:name", func(c *wherry.Context) error { return c.Text(200, "Hello, "+c.Param("name")) })
	app.Post("/echo", func(c *wherry.Context) error { return c.Stream(200, "text/plain", c.Body()) })
	app.Post("/ignore", text("ignored"))
	app.Post("/answerfirst", func(c *wherry.Context) error {
		_, _ = c.WriteString("begun ")
		if err := c.Flush(); err != nil {
			return err
		}
		body, err := c.BodyBytes()
		_, _ = c.Write(body)
		return err
	})
	app.Post("/len", func(c *wherry.Context) error {
		n, err := io.Copy(io.Discard, c.Body())
		if err != nil {
			return err
		}
		return c.Text(200, fmt.Sprint(n))
	})
	app.Post("/big", func(c *wherry.Context) error {
		n, err := io.Copy(io.Discard, c.Body())
		if err != nil {
			return err
		}
		return c.Text(200, fmt.Sprint(n))
	}, wherry.BodyLimit(1000))
	app.Post("/trailers", func(c *wherry.Context) error {
		if _, err := io.Copy(io.Discard, c.Body()); err != nil {
			return err
		}
		var b strings.Builder
		for name, value := range c.Trailers().All() {
			fmt.Fprintf(&b, "%s=%s;", name, value)
		}
		return c.Text(200, b.String())
	})
	corpusAnswers(app)
	corpusRoutes(app)
	return app
}

// corpusAnswers registers the routes that answer in special ways.
func corpusAnswers(app *wherry.App) {
	app.Get("/stream", func(c *wherry.Context) error {
		for i := range 3 {
			fmt.Fprintf(c, "line %d\n", i)
			if err := c.Flush(); err != nil {
				return err
			}
		}
		return nil
	})
	app.Get("/nocontent", func(c *wherry.Context) error { return c.NoContent() })
	app.Get("/reset", func(c *wherry.Context) error { return c.Text(205, "never sent") })
	app.Get("/notmodified", func(c *wherry.Context) error {
		c.SetHeader("ETag", `"1"`)
		return c.Text(304, "never sent")
	})
	app.Get("/trailer", func(c *wherry.Context) error {
		c.SetTrailer("X-Sum", "42")
		return c.Text(200, "with a trailer")
	})
	app.Get("/early", func(c *wherry.Context) error {
		c.SetHeader("Link", "</style.css>; rel=preload")
		if err := c.Interim(103); err != nil {
			return err
		}
		return c.Text(200, "late")
	})
	app.Get("/panic", func(*wherry.Context) error { panic("for the corpus") })
	app.Get("/error", func(*wherry.Context) error { return errSecret })
	app.Get("/late", func(c *wherry.Context) error {
		_, _ = c.WriteString("begun")
		if err := c.Flush(); err != nil {
			return err
		}
		return errSecret
	})
	app.Get("/drop", func(*wherry.Context) error { return wherry.ErrDrop })
	app.Get("/short", func(c *wherry.Context) error {
		c.SetHeader("Content-Length", "10")
		return c.Text(200, "short")
	})
	app.Get("/inject", func(c *wherry.Context) error {
		c.SetHeader("X-Input", "a\r\nSet-Cookie: stolen=1")
		return c.Text(200, "never sent")
	})
	app.Get("/close", func(c *wherry.Context) error {
		c.SetHeader("Connection", "close")
		return c.Text(200, "last")
	})
	app.Get("/coding", func(c *wherry.Context) error {
		c.SetHeader("Transfer-Encoding", "gzip")
		return c.Text(200, "plain")
	})
	headers := func(c *wherry.Context) error {
		if _, err := io.Copy(io.Discard, c.Body()); err != nil {
			return err
		}
		fmt.Fprintf(c, "host: %s", c.Host())
		for name, value := range c.Headers().All() {
			fmt.Fprintf(c, "\n%s: %s", name, value)
		}
		return nil
	}
	app.Get("/headers", headers)
	app.Post("/headers", headers)
	app.Get("/upgrade", func(c *wherry.Context) error {
		conn, ahead, err := c.Hijack()
		if err != nil {
			return err
		}
		defer conn.Close()
		_, _ = io.WriteString(conn, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: echo\r\nConnection: Upgrade\r\n\r\n")
		_, _ = io.Copy(conn, io.MultiReader(strings.NewReader(string(ahead)), conn))
		return nil
	})
}

// corpusRoutes registers the routes that test the router.
func corpusRoutes(app *wherry.App) {
	show := func(c *wherry.Context) error {
		return c.Text(200, c.Pattern()+" "+c.Param("name")+c.Param("*")+c.Param("**"))
	}
	app.Get("/r/literal", show)
	app.Get("/r/:name", show)
	app.Get("/r/*/x", show)
	app.Get("/r/**", show)
	app.Get("/static/**", show)
	app.Get("/one/*", show)
	app.Get("/back/a/:name/end", show)
	app.Get("/back/:name/b/c", show)
	app.Get("/café/:name", show)
	app.Put("/both", show)
	app.Delete("/both", show)
	app.Handle("HEAD", "/ownhead", func(c *wherry.Context) error {
		c.SetHeader("X-Own", "1")
		return c.NoContent()
	})
	app.Get("/ownhead", show)
	app.Options("/ownoptions", func(c *wherry.Context) error { return c.Text(200, "mine") })
	app.Handle("PURGE", "/purge", show)
	app.Host("other.example", func(g *wherry.Group) {
		g.Get("/", func(c *wherry.Context) error { return c.Text(200, "the other host") })
		g.Get("/probe", func(c *wherry.Context) error { return c.Text(200, "probe") })
	})
	app.Group("/group", func(g *wherry.Group) {
		g.Use(func(next wherry.Handler) wherry.Handler {
			return func(c *wherry.Context) error {
				c.SetHeader("X-Group", "1")
				return next(c)
			}
		})
		g.Get("/x", show)
	})
	app.BeforeRouting(func(c *wherry.Context) error {
		switch c.RawPath() {
		case "/rewrite":
			c.SetPath("/hello/rewritten")
		case "/early-answer":
			return c.Text(200, "answered before routing")
		case "/tunnel":
			c.SetMethod("DELETE")
			c.SetPath("/both")
		}
		return nil
	})
}
