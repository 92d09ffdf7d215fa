package wherry_test

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"time"

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
	// What it waits for is over soon, but not before a slow machine has sent it;
	// what it does not wait for would be noticed.
	"hasty": func() *wherry.App {
		return corpusApp().Timeouts(wherry.Timeouts{
			Head: 3 * time.Second, BodyStall: 3 * time.Second, Linger: time.Hour,
		})
	},
	"fleeting": func() *wherry.App {
		return corpusApp().Timeouts(wherry.Timeouts{Idle: 3 * time.Second})
	},
	"failing": failingApp,
}

// failingApp fails once more when it answers a failure. It has few methods.
func failingApp() *wherry.App {
	app := wherry.New().Logger(slog.New(slog.DiscardHandler))
	app.Get("/probe", func(c *wherry.Context) error { return c.Text(200, "probe") })
	app.Options("/", func(c *wherry.Context) error { return c.Text(200, "the root, not the server") })
	app.Get("/begin", func(c *wherry.Context) error { return errSecret })
	app.Get("/part", func(c *wherry.Context) error {
		_, _ = c.WriteString("a part of what was meant ")
		return errSecret
	})
	return app.ErrorHandler(func(c *wherry.Context, _ error) {
		switch c.RawPath() {
		case "/part":
			_, _ = c.Status(503).WriteString("the error")
			return
		case "/begin":
			_, _ = c.WriteString("begun")
			_ = c.Flush()
			panic("for the corpus")
		}
		c.SetHeader("X-Input", "a\r\nb")
		_ = c.Text(200, "never sent")
	})
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
	corpusFraming(app)
	corpusFailures(app)
	corpusUpgrades(app)
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

// corpusFraming registers the routes whose handlers have their own mind about
// the framing of the answer.
func corpusFraming(app *wherry.App) {
	// parts answers with a Content-Length and some parts, each flushed. What
	// goes wrong on the way is none of its business.
	parts := func(length string, parts ...string) wherry.Handler {
		return func(c *wherry.Context) error {
			c.SetHeader("Content-Length", length)
			for _, p := range parts {
				_, _ = c.WriteString(p)
				_ = c.Flush()
			}
			return nil
		}
	}
	app.Get("/declared/stream", parts("11", "begun ", "ended"))
	app.Get("/declared/overrun", parts("5", "12345", "678"))
	app.Get("/declared/underrun", parts("10", "12345"))
	app.Get("/declared/atonce", parts("3", "12345"))
	app.Get("/declared/nocontent", func(c *wherry.Context) error {
		c.SetHeader("Content-Length", "5")
		return c.NoContent()
	})
	app.Get("/nocontent/text", func(c *wherry.Context) error { return c.Text(204, "never sent") })
	app.Get("/declared/notmodified", func(c *wherry.Context) error {
		c.SetHeader("Content-Length", "1234")
		return c.Text(304, "never sent")
	})
	app.Get("/declared/twice", func(c *wherry.Context) error {
		c.AddHeader("Content-Length", "5")
		c.AddHeader("Content-Length", "5")
		return c.Text(200, "hello")
	})
	app.Get("/length/**", func(c *wherry.Context) error {
		c.SetHeader("Content-Length", c.Param("**"))
		return c.Text(200, "hello")
	})
	app.Get("/dated", func(c *wherry.Context) error {
		c.SetHeader("Date", "Thu, 01 Jan 1970 00:00:00 GMT")
		return c.Text(200, "old")
	})
	app.Get("/large", func(c *wherry.Context) error {
		return c.Bytes(200, "text/plain", []byte(strings.Repeat("a", 70000)))
	})
	app.Get("/largestream", func(c *wherry.Context) error {
		for _, s := range []string{"a", "b"} {
			_, _ = c.WriteString("small ")
			_ = c.Flush()
			_, _ = c.WriteString(strings.Repeat(s, 20000))
		}
		return nil
	})
	app.Get("/connection", func(c *wherry.Context) error {
		c.SetHeader("Connection", "keep-alive, X-Own")
		return c.Text(200, "goes on")
	})
	app.Get("/must-upgrade", func(c *wherry.Context) error {
		c.SetHeader("Upgrade", "line")
		c.SetHeader("Connection", "upgrade")
		return c.Text(426, "upgrade, please")
	})
	app.Get("/trailers", func(c *wherry.Context) error {
		c.SetTrailer("X-Sum", "42")
		c.SetTrailer("X-Other", "43")
		return c.Text(200, "with trailers")
	})
	app.Get("/trailer/own", func(c *wherry.Context) error {
		c.SetHeader("Trailer", "X-Sum, X-Other")
		c.SetTrailer("X-Sum", "42")
		return c.Text(200, "with a trailer")
	})
	app.Get("/trailer/large", func(c *wherry.Context) error {
		c.SetTrailer("X-Sum", "42")
		return c.Bytes(200, "text/plain", make([]byte, 100<<10))
	})
	app.Get("/trailer/measured", func(c *wherry.Context) error {
		c.SetHeader("Content-Length", "14")
		c.SetTrailer("X-Sum", "42")
		return c.Text(200, "with a trailer")
	})
	app.Get("/trailer/forbidden", func(c *wherry.Context) error {
		c.SetTrailer("Content-Length", "5")
		return c.Text(200, "never sent")
	})
	app.Get("/trailer/inject", func(c *wherry.Context) error {
		c.SetTrailer("X-Input", "a\r\nSet-Cookie: stolen=1")
		return c.Text(200, "never sent")
	})
	app.Get("/trailer/late", func(c *wherry.Context) error {
		_, _ = c.WriteString("begun")
		_ = c.Flush()
		c.SetTrailer("X-Sum", "42")
		return nil
	})
	app.Get("/early/framed", func(c *wherry.Context) error {
		c.SetHeader("Content-Length", "4")
		c.SetHeader("Link", "</style.css>; rel=preload")
		if err := c.Interim(103); err != nil {
			return err
		}
		return c.Text(200, "late")
	})
	app.Get("/early/final", func(c *wherry.Context) error { return c.Interim(200) })
	app.Get("/early/switch", func(c *wherry.Context) error { return c.Interim(101) })
	app.Get("/early/inject", func(c *wherry.Context) error {
		c.SetHeader("X-Input", "a\r\nSet-Cookie: stolen=1")
		return c.Interim(103)
	})
	app.Get("/early/late", func(c *wherry.Context) error {
		_, _ = c.WriteString("begun ")
		_ = c.Flush()
		return c.Interim(103)
	})
}

// corpusFailures registers the routes that fail in special ways.
func corpusFailures(app *wherry.App) {
	app.Get("/regret", func(c *wherry.Context) error {
		for name, value := range map[string]string{
			"ETag": `"1"`, "Cache-Control": "max-age=60", "Content-Encoding": "x", "Content-Range": "bytes 0-0/5",
			"Last-Modified": "Thu, 01 Jan 1970 00:00:00 GMT", "X-Request-Id": "7",
		} {
			c.SetHeader(name, value)
		}
		c.SetTrailer("X-Sum", "42")
		return errSecret
	})
	app.Get("/status/:status", func(c *wherry.Context) error {
		status, err := wherry.Param[int](c, "status")
		if err != nil {
			return err
		}
		return c.Text(status, "x")
	})
	app.Get("/beyond", func(c *wherry.Context) error {
		c.SetHeader("Content-Range", "bytes */5")
		return wherry.NewError(416, "")
	})
	app.Get("/beyond/part", func(c *wherry.Context) error {
		c.SetHeader("Content-Range", "bytes 0-1/5")
		return wherry.NewError(416, "")
	})
	app.Get("/again", func(c *wherry.Context) error {
		_, _ = c.WriteString("begun ")
		_ = c.Flush()
		return c.Text(200, "again")
	})
	app.Get("/conflict", func(*wherry.Context) error {
		return &wherry.Error{Status: 409, Detail: "It is there.", Err: errSecret}
	})
	app.Get("/success", func(*wherry.Context) error { return &wherry.Error{Status: 200} })
	app.Get("/coder", func(*wherry.Context) error { return teapot{} })
	app.Post("/lowered", func(c *wherry.Context) error {
		c.SetBodyLimit(5)
		body, err := c.BodyBytes()
		if err != nil {
			return err
		}
		return c.Bytes(200, "text/plain", body)
	})
}

// corpusUpgrades registers the routes that take the connection.
func corpusUpgrades(app *wherry.App) {
	app.Get("/upgrade/late", func(c *wherry.Context) error {
		_, _ = c.WriteString("begun ")
		if err := c.Flush(); err != nil {
			return err
		}
		conn, _, err := c.Hijack()
		if err == nil {
			return conn.Close()
		}
		_, _ = c.WriteString("and ended")
		return nil
	})
	app.Get("/upgrade/fail", func(c *wherry.Context) error {
		conn, ahead, err := c.Hijack()
		if err != nil {
			return err
		}
		_, _ = c.WriteString("never sent")
		_ = c.Flush()
		_, _ = io.WriteString(conn, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: echo\r\nConnection: Upgrade\r\n\r\n")
		go func() {
			defer conn.Close()
			_, _ = io.Copy(conn, io.MultiReader(strings.NewReader(string(ahead)), conn))
		}()
		return errSecret
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
		case "/bigger":
			c.SetBodyLimit(2000)
			c.SetPath("/big")
		case "/early-answer":
			return c.Text(200, "answered before routing")
		case "/tunnel":
			c.SetMethod("DELETE")
			c.SetPath("/both")
		}
		return nil
	})
}
