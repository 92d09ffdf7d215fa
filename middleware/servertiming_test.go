package middleware_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"wherry.example/wherry"
	"wherry.example/wherry/middleware"
)

func everybody(*wherry.Context) bool { return true }

func TestServerTiming(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		app := wherry.New().
			Use(middleware.ServerTiming(middleware.ServerTimingOptions{Show: everybody})).
			Get("/", func(c *wherry.Context) error {
				stop := middleware.Timing(c, "db")
				time.Sleep(20 * time.Millisecond)
				stop()
				stop()
				defer middleware.Timing(c, "render")()
				middleware.Timing(c, "no token\r\nX: y")()
				middleware.Timing(c, "total")()
				time.Sleep(1500 * time.Microsecond)
				return c.Text(200, "hello")
			}).
			Get("/error", func(c *wherry.Context) error { return errors.New("broken") }).
			Get("/stream", func(c *wherry.Context) error { return c.Flush() })
		require.Equal(t, "db;dur=20, render;dur=1.5, total;dur=21.5", answerTo(t, app, "GET / HTTP/1.1").Headers.Get("Server-Timing"))
		require.Equal(t, "total;dur=0", answerTo(t, app, "GET /error HTTP/1.1").Headers.Get("Server-Timing"))
		require.False(t, answerTo(t, app, "GET /stream HTTP/1.1").Headers.Has("Server-Timing"))
	})
}

func TestServerTimingHidden(t *testing.T) {
	app := wherry.New().
		Use(middleware.ServerTiming(middleware.ServerTimingOptions{Show: func(c *wherry.Context) bool { return c.Header("Staff") == "yes" }})).
		Get("/", func(c *wherry.Context) error {
			middleware.Timing(c, "db")()
			return c.Text(200, "hello")
		})
	require.False(t, answerTo(t, app, "GET / HTTP/1.1").Headers.Has("Server-Timing"))
	require.True(t, answerTo(t, app, "GET / HTTP/1.1\nStaff: yes").Headers.Has("Server-Timing"))
}

func TestServerTimingBound(t *testing.T) {
	app := wherry.New().
		Use(middleware.ServerTiming(middleware.ServerTimingOptions{Show: everybody})).
		Get("/", func(c *wherry.Context) error {
			for range 1000 {
				middleware.Timing(c, "x")()
			}
			return c.Text(200, "hello")
		})
	require.Equal(t, 33, len(strings.Split(answerTo(t, app, "GET / HTTP/1.1").Headers.Get("Server-Timing"), ", ")))
}

func TestServerTimingMistakes(t *testing.T) {
	require.Contains(t, mistakeOf(t, middleware.ServerTiming(middleware.ServerTimingOptions{})), "Show is missing")
}

func ExampleServerTiming() {
	staff := func(c *wherry.Context) bool { return true } // who is asking?
	app := wherry.New().
		Use(middleware.ServerTiming(middleware.ServerTimingOptions{Show: staff})).
		Get("/", func(c *wherry.Context) error {
			stop := middleware.Timing(c, "db")
			// ask the database
			stop()
			return c.Text(200, "hello")
		})
	answers, err := app.Test("GET / HTTP/1.1\r\nHost: example.com\r\n\r\n")
	if err != nil {
		fmt.Println(err)
		return
	}
	for span := range strings.SplitSeq(answers[0].Headers.Get("Server-Timing"), ", ") {
		name, _, _ := strings.Cut(span, ";")
		fmt.Println(name)
	}
	// Output:
	// db
	// total
}
