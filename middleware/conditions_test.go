package middleware_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"wherry.example/wherry"
	"wherry.example/wherry/middleware"
)

// answerTo asks an app one thing. Lines of the head end with "\n" here.
func answerTo(t testing.TB, app *wherry.App, request string) *wherry.TestResponse {
	t.Helper()
	head, body, _ := strings.Cut(request, "\n\n")
	raw := strings.ReplaceAll(head, "\n", "\r\n") + "\r\nHost: example.com\r\n\r\n" + body
	answers, err := app.Test(raw)
	require.NoError(t, err)
	require.Len(t, answers, 1)
	return answers[0]
}

func hello(c *wherry.Context) error { return c.Text(200, "hello") }

// mistakeOf returns what Build says of an app with this middleware.
func mistakeOf(t testing.TB, mw wherry.Middleware) string {
	t.Helper()
	err := wherry.New().Use(mw).Get("/", hello).Build()
	require.Error(t, err)
	return err.Error()
}

func stamp(name string) wherry.Middleware {
	return func(next wherry.Handler) wherry.Handler {
		return func(c *wherry.Context) error {
			c.AddHeader("Stamp", name)
			return next(c)
		}
	}
}

func TestSkipAndOnly(t *testing.T) {
	special := func(c *wherry.Context) bool { return c.Pattern() == "/special" }
	app := wherry.New().
		Use(middleware.Skip(special, stamp("skip"), stamp("both")), middleware.Only(special, stamp("only"))).
		Get("/special", hello).Get("/usual", hello)
	require.Equal(t, []string{"only"}, answerTo(t, app, "GET /special HTTP/1.1").Headers.Values("Stamp"))
	require.Equal(t, []string{"skip", "both"}, answerTo(t, app, "GET /usual HTTP/1.1").Headers.Values("Stamp"))
}

func TestConditionMistakes(t *testing.T) {
	always := func(*wherry.Context) bool { return true }
	require.Contains(t, mistakeOf(t, middleware.Skip(nil, stamp("a"))), "the condition is nil")
	require.Contains(t, mistakeOf(t, middleware.Only(always)), "no middleware is given")
	require.Contains(t, mistakeOf(t, middleware.Only(always, stamp("a"), nil)), "middleware 2 is nil")
	none := func(wherry.Handler) wherry.Handler { return nil }
	require.Contains(t, mistakeOf(t, middleware.Skip(always, none)), "returns a nil handler")
	// The mistake of what stands inside must not be hidden by the condition.
	require.Contains(t, mistakeOf(t, middleware.Skip(always, stamp("a"), middleware.RequireContentType())), "no media type")
}

func ExampleSkip() {
	health := func(c *wherry.Context) bool { return c.Pattern() == "/livez" }
	app := wherry.New().
		Use(middleware.Skip(health, middleware.NoCache())).
		Get("/livez", func(c *wherry.Context) error { return c.Text(200, "ok") }).
		Get("/me", func(c *wherry.Context) error { return c.Text(200, "you") })
	for _, path := range []string{"/livez", "/me"} {
		answers, err := app.Test("GET " + path + " HTTP/1.1\r\nHost: example.com\r\n\r\n")
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Printf("%s %q\n", path, answers[0].Headers.Get("Cache-Control"))
	}
	// Output:
	// /livez ""
	// /me "no-store"
}

func ExampleOnly() {
	writes := func(c *wherry.Context) bool { return c.Method() != "GET" }
	app := wherry.New().
		Use(middleware.Only(writes, middleware.RequireContentType("application/json"))).
		Post("/tasks", func(c *wherry.Context) error { return c.Text(201, "made") })
	answers, err := app.Test("POST /tasks HTTP/1.1\r\nHost: example.com\r\nContent-Type: text/plain\r\nContent-Length: 1\r\n\r\nx")
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(answers[0].Status)
	// Output: 415
}
