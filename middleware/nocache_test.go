package middleware_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"wherry.example/wherry"
	"wherry.example/wherry/middleware"
)

func TestNoCache(t *testing.T) {
	app := wherry.New().Use(middleware.NoCache()).
		Get("/", hello).
		Get("/own", func(c *wherry.Context) error {
			c.SetHeader("Cache-Control", "private, max-age=60")
			return c.Text(200, "hello")
		}).
		Get("/error", func(c *wherry.Context) error {
			c.SetHeader("Cache-Control", "public, max-age=60")
			return wherry.NewError(410, "It is gone.")
		}).
		Get("/stream", func(c *wherry.Context) error { return c.Flush() })
	for _, path := range []string{"/error", "/stream", "/none"} {
		require.Equal(t, []string{"no-store"}, answerTo(t, app, "GET "+path+" HTTP/1.1").Headers.Values("Cache-Control"), path)
	}
	require.Equal(t, []string{"no-store"}, answerTo(t, app, "GET / HTTP/1.1").Headers.Values("Cache-Control"))
	require.Equal(t, []string{"private, max-age=60"}, answerTo(t, app, "GET /own HTTP/1.1").Headers.Values("Cache-Control"))
}

func ExampleNoCache() {
	app := wherry.New().
		Group("/account", func(g *wherry.Group) {
			g.Use(middleware.NoCache())
			g.Get("", func(c *wherry.Context) error { return c.Text(200, "yours") })
		})
	answers, err := app.Test("GET /account HTTP/1.1\r\nHost: example.com\r\n\r\n")
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(answers[0].Headers.Get("Cache-Control"))
	// Output: no-store
}
