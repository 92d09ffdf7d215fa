package wherry_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"wherry.example/wherry"
)

// TestPrefixesJoin: what each form of a prefix makes of a pattern.
func TestPrefixesJoin(t *testing.T) {
	inner := func() *wherry.App { return wherry.New().Get("", text("")).Get("/", text("")).Get("/x", text("")) }
	app := quiet()
	app.Group("", func(g *wherry.Group) { g.Get("/plain", text("")) })
	app.Group("/a", func(g *wherry.Group) {
		g.Get("", text("")).Get("/", text(""))
		g.Group("/:b", func(g *wherry.Group) { g.Get("/c", text("")).Mount("", inner()) })
	})
	app.Mount("/m", inner()).Mount("/n/", inner())
	require.NoError(t, app.Build())
	var all []string
	for _, r := range app.Routes() {
		all = append(all, r.Pattern)
	}
	require.Equal(t, []string{"/plain", "/a", "/a/", "/a/:b/c", "/a/:b", "/a/:b/", "/a/:b/x", "/m", "/m/", "/m/x", "/n", "/n/", "/n/x"}, all)
	require.NoError(t, quiet().Mount("/", wherry.New().Get("/x", text(""))).Build())
}

// TestHostNames: what can be one.
func TestHostNames(t *testing.T) {
	app := quiet()
	for _, host := range []string{"localhost", "API.Example.org", "*.example.org", "xn--bcher-kva.example", "a_b.example", "192.0.2.1"} {
		app.Host(host, func(g *wherry.Group) { g.Get("/", text(host)) })
	}
	require.NoError(t, app.Build())
	require.Equal(t, "API.Example.org", string(ask(t, app, "GET / HTTP/1.1\r\nHost: api.example.ORG:80\r\n\r\n").Body))
}

// TestWrongHostsStayApart: their routes are looked at, and are not taken for
// duplicates of each other.
func TestWrongHostsStayApart(t *testing.T) {
	app := quiet().Get("/", text(""))
	for _, host := range []string{"a b", "c d"} {
		app.Host(host, func(g *wherry.Group) { g.Get("/", text("")).Get("/{id}", text("")) })
	}
	err := app.Build()
	require.ErrorContains(t, err, `Host("a b")`)
	require.ErrorContains(t, err, `Host("c d")`)
	require.ErrorContains(t, err, "write :id")
	require.NotContains(t, err.Error(), "the same route")
}

// TestMiddlewareAroundNothing: is made once, to see whether it can work; that
// around routes once for each of them, as always.
func TestMiddlewareAroundNothing(t *testing.T) {
	made := map[string]int{}
	counting := func(name string) wherry.Middleware {
		return func(next wherry.Handler) wherry.Handler {
			made[name]++
			return next
		}
	}
	app := quiet().Use(counting("app"))
	app.Group("/used", func(g *wherry.Group) {
		g.Use(counting("used"))
		g.Group("/inner", func(g *wherry.Group) { g.Use(counting("inner")).Get("/", text("")) })
		g.Group("/empty", func(g *wherry.Group) { g.Use(counting("empty")) })
	})
	mounted := wherry.New().Use(counting("mounted"))
	app.Group("/around", func(g *wherry.Group) { g.Use(counting("around")).Mount("/m", wherry.New().Get("/", text(""))) })
	app.Mount("/m1", mounted).Mount("/m2", mounted)
	require.NoError(t, app.Build())
	require.Equal(t, map[string]int{"app": 3, "used": 1, "inner": 1, "empty": 1, "mounted": 1, "around": 1}, made)
}

// TestNoContext: is told at once, with the place, and listeners are closed.
func TestNoContext(t *testing.T) {
	var none context.Context
	listeners := openListeners(t, 1)
	for name, run := range map[string]func(*wherry.App) error{
		"Run":      func(a *wherry.App) error { return a.Run(none, "127.0.0.1:0") },
		"RunOn":    func(a *wherry.App) error { return a.RunOn(none, listeners...) },
		"Shutdown": func(a *wherry.App) error { return a.Shutdown(none) },
	} {
		app := quiet().Get("/", text(""))
		require.NotPanics(t, func() {
			err := run(app)
			require.ErrorContains(t, err, "the context is nil: give one, as context.Background()", name)
			require.ErrorContains(t, err, "build_joins_test.go:")
		})
		require.NoError(t, app.Shutdown(context.Background()))
	}
	requireClosed(t, listeners[0])
}
