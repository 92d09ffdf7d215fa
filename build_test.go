package wherry_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"wherry.example/wherry"
	"wherry.example/wherry/engine"
)

// TestBuildTellsEverything: every mistake at once, each with its place.
func TestBuildTellsEverything(t *testing.T) {
	app := quiet().Engine("steam").Limits(wherry.Limits{Head: 10, Body: -5}).Timeouts(wherry.Timeouts{Idle: -7})
	app.Get("no-slash", text(""))
	app.Get("/a/:id", text("")).Get("/a/:other", text(""))
	app.Get("/nil", nil)
	app.Handle("G T", "/x", text(""))
	app.Get("/mw", text(""), wherry.With(nil))
	app.Get("/limit", text(""), wherry.BodyLimit(-9))
	app.Get("/n1", text(""), wherry.Name("n")).Get("/n2", text(""), wherry.Name("n"))
	app.Host("bad host", func(g *wherry.Group) { g.Get("/", text("")) })
	app.Mount("/self", app)
	app.Mount("/hooks", wherry.New().OnShutdown(func() {}))
	app.Mount("/errors", wherry.New().NotFound(text("")))
	app.Mount("/limits", wherry.New().Limits(wherry.Limits{Head: 1000}))
	err := app.Build()
	require.ErrorIs(t, err, engine.ErrUnsupported)
	for _, part := range []string{
		"steam", "threaded", "Limits.Head is 10", "Timeouts.Idle is -7", `write "/no-slash"`, "same route", "/a/:id",
		"handler is nil", `"G T" is no method`, "the middleware is nil", "BodyLimit is -9", "already belongs",
		"bad host", "mounted on itself", "its own OnShutdown (", "its own NotFound (", "its own Limits (", "Limits.Body is -5",
	} {
		require.ErrorContains(t, err, part)
	}
	for line := range strings.Lines(strings.TrimPrefix(err.Error(), "wherry: the app cannot be built:\n")) {
		require.Contains(t, line, "build_test.go:", "each with its place")
	}
	require.Equal(t, err, app.Build(), "the answer stays")
	require.Nil(t, app.Routes())
	_, err = app.URL("n")
	require.Error(t, err)
	require.Error(t, app.Run(context.Background(), "127.0.0.1:0"))
	require.Error(t, app.Shutdown(context.Background()))
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.Error(t, app.Serve(ln))
	require.Error(t, ln.Close(), "Serve has closed it")
	_, err = app.Test(get("/"))
	require.Error(t, err)
}

// TestBuildPlaces: each mistake stands with the file and line of its own
// registration.
func TestBuildPlaces(t *testing.T) {
	app := quiet()
	line := func() int { _, _, n, _ := runtime.Caller(1); return n }
	first := line() + 1
	app.Get("relative", text(""))
	app.Group("/g", func(g *wherry.Group) { g.Post("/:", text("")) })
	app.Handle("PUT", "/**/more", text(""))
	inner := wherry.New()
	inner.Delete("/:a/:a", text(""))
	app.Mount("/inner", inner)
	err := app.Build()
	require.Error(t, err)
	for i, part := range []string{`GET "relative"`, `POST "/g/:"`, `PUT "/**/more"`} {
		require.ErrorContains(t, err, fmt.Sprintf("build_test.go:%d: %s: ", first+i, part))
	}
	require.ErrorContains(t, err, fmt.Sprintf(`build_test.go:%d: DELETE "/inner/:a/:a": `, first+4))
}

// TestBuildDuplicates: a duplicate names both places, whatever the names of
// its wildcards and through whichever group or mount it came.
func TestBuildDuplicates(t *testing.T) {
	same := wherry.New()
	same.Get("/:x", text(""))
	for name, second := range map[string]func(*wherry.App){
		"plain": func(a *wherry.App) { a.Get("/p/:b", text("")) },
		"group": func(a *wherry.App) { a.Group("/p", func(g *wherry.Group) { g.Get("/:c", text("")) }) },
		"mount": func(a *wherry.App) { a.Mount("/p", same) },
	} {
		app := quiet().Get("/p/:a", text(""))
		second(app)
		err := app.Build()
		require.ErrorContains(t, err, "/p/:a", name)
		require.Equal(t, 2, strings.Count(err.Error(), "build_test.go:"), "%s: %v", name, err)
	}
	fine := quiet().Get("/p/:a", text("")).Post("/p/:a", text("")).Get("/p/*", text("")).Get("/p/**", text("")).Get("/p/x", text(""))
	fine.Host("h.example", func(g *wherry.Group) { g.Get("/p/:a", text("")) })
	require.NoError(t, fine.Build())
}

// TestBuildRunsMiddlewareOnce: what it returns runs for each request, itself
// it does not.
func TestBuildRunsMiddlewareOnce(t *testing.T) {
	composed, ran := 0, 0
	app := quiet().Get("/", text(""))
	app.Use(func(next wherry.Handler) wherry.Handler {
		composed++
		return func(c *wherry.Context) error { ran++; return next(c) }
	})
	require.NoError(t, app.Build())
	require.NoError(t, app.Build())
	_, err := app.Test(get("/") + get("/") + get("/nowhere"))
	require.NoError(t, err)
	require.Equal(t, 2, composed, "for the route, and for what has no route")
	require.Equal(t, 3, ran)
}

// TestMiddlewareIsShared: one middleware of a route is around its handler and
// around the answers to other methods, and cannot turn one into the other.
func TestMiddlewareIsShared(t *testing.T) {
	composed, handled := 0, 0
	var seen []string
	counting := func(next wherry.Handler) wherry.Handler {
		composed++
		mine := 0
		return func(c *wherry.Context) error {
			mine++
			seen = append(seen, fmt.Sprintf("%d %s %s %s", mine, c.Method(), c.Pattern(), c.Param("id")))
			c.SetMethod("POST")
			return next(c)
		}
	}
	app := quiet().Post("/a/:id", func(c *wherry.Context) error { handled++; return c.NoContent() }, wherry.With(counting), wherry.Name("a"))
	post := "POST /a/7 HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n"
	answers, err := app.Test(get("/a/6") + post + get("/a/8"))
	require.NoError(t, err)
	require.Equal(t, 1, composed)
	require.Equal(t, 1, handled)
	require.Equal(t, []string{"1 GET /a/:id 6", "2 POST /a/:id 7", "3 GET /a/:id 8"}, seen)
	require.Equal(t, []int{405, 204, 405}, []int{answers[0].Status, answers[1].Status, answers[2].Status})
}

// TestMountRefusals: what a mounted app would lose is a mistake, wherever in
// a chain of mounts it stands.
func TestMountRefusals(t *testing.T) {
	for _, set := range []func(*wherry.App){
		func(a *wherry.App) { a.OnConnect(func(*wherry.Conn) error { return nil }) },
		func(a *wherry.App) { a.OnDisconnect(func(*wherry.Conn, error) {}) },
		func(a *wherry.App) { a.BeforeRouting(text("")) },
		func(a *wherry.App) { a.AfterResponse(func(*wherry.Context, wherry.Result) {}) },
		func(a *wherry.App) { a.NotFound(text("")) },
		func(a *wherry.App) { a.ErrorHandler(func(*wherry.Context, error) {}) },
		func(a *wherry.App) { a.Timeouts(wherry.Timeouts{Idle: time.Second}) },
		func(a *wherry.App) { a.Limits(wherry.Limits{Body: 1}) },
		func(a *wherry.App) { a.Engine("threaded") },
		func(a *wherry.App) { a.Logger(slog.Default()) },
		func(a *wherry.App) { a.JSON(plainJSON{}) },
	} {
		inner := wherry.New().Get("/x", text(""))
		set(inner)
		err := quiet().Mount("/m", wherry.New().Mount("/n", inner)).Build()
		require.ErrorContains(t, err, `Mount("/n"): the mounted app has its own `)
		require.ErrorContains(t, err, "set that on the outer app")
		require.Equal(t, 2, strings.Count(err.Error(), "build_test.go:"), "the places of both: %v", err)
	}
	both := wherry.New().Get("/{x}", text("")).Limits(wherry.Limits{Body: 1}).Engine("threaded").NotFound(nil)
	err := quiet().Mount("/m/", both).Build()
	for _, part := range []string{"its own Engine (", ", Limits (", ", NotFound (", `GET "/m/{x}"`, "NotFound(nil)"} {
		require.ErrorContains(t, err, part, "one mistake hides no other")
	}
	a, b := wherry.New(), wherry.New()
	a.Mount("/b", b)
	b.Mount("/a", a)
	require.ErrorContains(t, a.Build(), "mounted on itself")
	twice := wherry.New().Get("/x", text("twice"))
	app := quiet().Mount("/one", twice).Mount("/two", twice)
	require.Equal(t, "twice", string(ask(t, app, get("/one/x")).Body))
	require.Equal(t, "twice", string(ask(t, app, get("/two/x")).Body))
}

// TestBroken: what a constructor found wrong is told once, with the place
// where it was given, around routes and without any.
func TestBroken(t *testing.T) {
	bad := errors.New("Limit(0): give a number above 0")
	limit := func(wherry.Handler) wherry.Handler { return wherry.Broken(bad) }
	pass := func(next wherry.Handler) wherry.Handler { return next }
	app := quiet().Use(pass, limit, pass)
	app.Get("/a", text("")).Get("/b", text(""))
	err := app.Build()
	require.ErrorIs(t, err, bad)
	require.Equal(t, 1, strings.Count(err.Error(), bad.Error()))
	require.Contains(t, err.Error(), "build_test.go:")

	worse := errors.New("Pass(-1): give a positive number")
	second := func(wherry.Handler) wherry.Handler { return wherry.Broken(worse) }
	err = quiet().Use(second, limit).Get("/a", text("")).Build()
	require.ErrorIs(t, err, bad)
	require.ErrorIs(t, err, worse, "one mistake hides no other")

	require.ErrorIs(t, quiet().Use(limit).Build(), bad)
	require.ErrorIs(t, quiet().Get("/a", wherry.Broken(bad)).Build(), bad)
	require.ErrorIs(t, quiet().Get("/a", text(""), wherry.With(limit)).Build(), bad)
	require.ErrorIs(t, quiet().Get("/a", wherry.Broken(bad), wherry.With(pass)).Build(), bad)

	app = quiet()
	for _, path := range []string{"/a", "/b", "relative"} {
		app.Get(path, wherry.Broken(bad))
	}
	app.Get("/other", wherry.Broken(bad))
	err = app.Build()
	require.Equal(t, 2, strings.Count(err.Error(), bad.Error()), "once for each place: %v", err)
	err = quiet().Get("/a", wherry.Broken(errors.Join(bad, worse))).Build()
	require.ErrorContains(t, err, bad.Error())
	require.ErrorContains(t, err, worse.Error())
	require.ErrorIs(t, quiet().BeforeRouting(wherry.Broken(bad)).Build(), bad)
	none := func(wherry.Handler) wherry.Handler { return nil }
	require.ErrorContains(t, quiet().Get("/a", text(""), wherry.With(none)).Build(), "nil handler")
}

// TestRegisteringTooLate: what nobody would serve is not taken silently.
func TestRegisteringTooLate(t *testing.T) {
	deepest := wherry.New()
	inner := wherry.New().Mount("/n", deepest)
	app := quiet().Get("/", text("")).Mount("/m", inner)
	require.NoError(t, app.Build())
	for what, register := range map[string]func(){
		"GET /late": func() { app.Get("/late", text("")) },
		"Use":       func() { app.Use(func(h wherry.Handler) wherry.Handler { return h }) },
		"Mount":     func() { app.Mount("/m", quiet()) },
		"Group":     func() { app.Group("/g", func(*wherry.Group) {}) },
		"Host":      func() { app.Host("h.example", func(*wherry.Group) {}) },
		"GET /in":   func() { inner.Get("/in", text("")) },
		"NotFound":  func() { deepest.NotFound(text("")) },
	} {
		told := panicOf(register)
		require.Contains(t, told, what)
		require.Contains(t, told, "build_test.go:")
	}
}
