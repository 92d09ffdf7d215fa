// Framework shows dependency injection and own middleware: handlers are
// methods of a struct that holds what they need, middleware hands values on
// with a typed key.
package main

import (
	"flag"
	"log"
	"log/slog"
	"os"
	"time"

	"wherry.example/wherry"
	"wherry.example/wherry/engine"
)

// greeter is a dependency; tests may give another.
type greeter interface{ Greet(name string) string }

type polite struct{}

func (polite) Greet(name string) string { return "Good day, " + name + "." }

// service holds what the handlers need.
type service struct {
	greeter greeter
	log     *slog.Logger
}

// user is what the login middleware finds out.
type user struct{ Name string }

var userKey = wherry.NewKey[user]("user")

func main() {
	addr := flag.String("addr", "127.0.0.1:8080", "address to listen on")
	kind := flag.String("engine", string(engine.Auto), "how connections are driven")
	flag.Parse()

	s := &service{greeter: polite{}, log: slog.New(slog.NewTextHandler(os.Stderr, nil))}
	if err := s.app().Engine(engine.Kind(*kind)).Listen(*addr); err != nil {
		log.Fatal(err)
	}
}

func (s *service) app() *wherry.App {
	app := wherry.New().Use(s.timed)
	app.Get("/", func(c *wherry.Context) error { return c.Text(200, "ask for /me with the field X-User\n") })
	app.Group("/me", func(g *wherry.Group) {
		g.Use(login)
		g.Get("", s.me)
	})
	return app
}

// timed logs how long a request took. It runs around everything, also 404.
func (s *service) timed(next wherry.Handler) wherry.Handler {
	return func(c *wherry.Context) error {
		start := time.Now()
		err := next(c)
		s.log.Info("request", "method", c.Method(), "route", c.Pattern(), "took", time.Since(start), "error", err)
		return err
	}
}

// login refuses requests without a user and hands the user on.
func login(next wherry.Handler) wherry.Handler {
	return func(c *wherry.Context) error {
		name := c.Header("X-User")
		if name == "" {
			return wherry.NewError(401, "Say who you are in X-User.")
		}
		userKey.Set(c, user{Name: name})
		return next(c)
	}
}

func (s *service) me(c *wherry.Context) error {
	u, _ := userKey.Get(c)
	return c.Text(200, s.greeter.Greet(u.Name)+"\n")
}
