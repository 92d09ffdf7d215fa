package wherry_test

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"wherry.example/wherry"
	"wherry.example/wherry/static"
)

// What Build refuses although each piece alone would compile and start.

// refusals are calls and what Build says to each, behind the place.
var refusals = []struct {
	name string
	call func(*wherry.App)
	want string
}{
	{"OnConnect", func(a *wherry.App) { a.OnConnect(nil) }, "OnConnect(nil): give it a value, or leave the call out"},
	{"OnDisconnect", func(a *wherry.App) { a.OnDisconnect(nil) }, "OnDisconnect(nil): give"},
	{"BeforeRouting", func(a *wherry.App) { a.BeforeRouting(nil) }, "BeforeRouting(nil): give"},
	{"AfterResponse", func(a *wherry.App) { a.AfterResponse(nil) }, "AfterResponse(nil): give"},
	{"OnShutdown", func(a *wherry.App) { a.OnShutdown(nil) }, "OnShutdown(nil): give"},
	{"NotFound", func(a *wherry.App) { a.NotFound(nil) }, "NotFound(nil): give"},
	{"ErrorHandler", func(a *wherry.App) { a.ErrorHandler(nil) }, "ErrorHandler(nil): give"},
	{"JSON", func(a *wherry.App) { a.JSON(nil) }, "JSON(nil): give"},
	{"Logger", func(a *wherry.App) { a.Logger(nil) }, "Logger(nil): give"},
	{"handler", func(a *wherry.App) { a.Get("/", nil) }, `GET "/": the handler is nil; give a func`},
	{"Use", func(a *wherry.App) { a.Use(nil) }, "the middleware is nil; give a func"},
	{"With", func(a *wherry.App) { a.Get("/", text(""), wherry.With(nil)) }, "the middleware is nil; give a func"},
	{"Use of a group", func(a *wherry.App) { a.Group("/g", func(g *wherry.Group) { g.Use(nil) }) }, "the middleware is nil; give"},
	{"option", func(a *wherry.App) { a.Get("/", text(""), nil) }, `GET "/": the option is nil; give`},
	{"Mount", func(a *wherry.App) { a.Mount("/m", nil) }, `Mount("/m"): the app is nil or zero; make it with wherry.New()`},
	{"Mount zero", func(a *wherry.App) { a.Mount("/m", new(wherry.App)) }, `Mount("/m"): the app is nil or zero; make`},
	{"Group", func(a *wherry.App) { a.Group("/g", nil) }, `Group("/g", nil): give a func(*wherry.Group)`},
	{"Host", func(a *wherry.App) { a.Host("h.example", nil) }, `Host("h.example", nil): give a func(*wherry.Group)`},
	{"no host", func(a *wherry.App) { a.Host("", func(*wherry.Group) {}) }, `Host(""): give the name of a host`},
	{"broken NotFound", func(a *wherry.App) { a.NotFound(static.Dir("/does/not/exist")) }, `NotFound: static.Dir("/does/not/exist"): `},
	{"broken hook", func(a *wherry.App) { a.BeforeRouting(wherry.Broken(errors.New("bad"))) }, "BeforeRouting: bad"},
	{"get", func(a *wherry.App) { a.Handle("get", "/", text("")) }, `the method "get" is not GET, because letter case counts; write "GET"`},
	{"Patch", func(a *wherry.App) { a.Handle("Patch", "/", text("")) }, `write "PATCH"`},
	{"pattern", func(a *wherry.App) { a.Get("users", text("")) }, `GET "users": a pattern begins with a slash; write "/users"`},
	{"pattern in a group", func(a *wherry.App) {
		a.Group("/api", func(g *wherry.Group) { g.Get("in", text("")) })
	}, `GET "in": a pattern begins with a slash; write "/in"`},
	{"pattern in a mounted app", func(a *wherry.App) { a.Mount("/m", wherry.New().Get("on", text(""))) }, `GET "on": a pattern begins with a slash; write "/on"`},
	{"prefix", func(a *wherry.App) {
		a.Group("v1", func(g *wherry.Group) { g.Get("/x", text("")).Get("/y", text("")) })
	}, `Group("v1"): a prefix begins with a slash and does not end in one; write "/v1"`},
	{"prefix in a group", func(a *wherry.App) {
		a.Group("/v", func(g *wherry.Group) { g.Group("2", func(*wherry.Group) {}) })
	}, `Group("2"): a prefix begins with a slash and does not end in one; write "/2"`},
	{"end of a prefix", func(a *wherry.App) {
		a.Group("/v3/", func(g *wherry.Group) { g.Get("/x", text("")) })
	}, `Group("/v3/"): a prefix begins with a slash and does not end in one; write "/v3"`},
	{"prefix of a slash", func(a *wherry.App) {
		a.Group("/", func(g *wherry.Group) { g.Get("/rooted", text("")) })
	}, `Group("/"): a prefix begins with a slash and does not end in one; write ""`},
	{"prefix of a mount", func(a *wherry.App) { a.Mount("m", wherry.New()) }, `Mount("m"): a prefix begins with a slash and does not end in one; write "/m"`},
	{"slashes of a mount", func(a *wherry.App) { a.Mount("/n//", wherry.New()) }, `write "/n"`},
	{"percent", func(a *wherry.App) { a.Get("/100%25", text("")) }, `"100%25": a pattern is written decoded; write the character itself, or :name`},
	{"host with a port", func(a *wherry.App) { a.Host("h.example:80", func(*wherry.Group) {}) }, `Host("h.example:80"): give a name without port, as "example.org" or "*.example.org"`},
	{"host beyond ASCII", func(a *wherry.App) { a.Host("bücher.example", func(*wherry.Group) {}) }, `Host("bücher.example"): give`},
	{"host with a dot at its end", func(a *wherry.App) { a.Host("dot.example.", func(*wherry.Group) {}) }, `Host("dot.example."): give`},
	{"star in a host", func(a *wherry.App) {
		a.Host("a.*.example", func(g *wherry.Group) { g.Get("/", text("")).Get("/b", text("")) })
	}, `Host("a.*.example"): give`},
	{"only a star", func(a *wherry.App) { a.Host("*.", func(*wherry.Group) {}) }, `Host("*."): give`},
	{"middleware around nothing", func(a *wherry.App) {
		a.Group("/g", func(g *wherry.Group) { g.Use(broken("around nothing")) })
	}, "around nothing"},
	{"middleware below", func(a *wherry.App) {
		a.Group("/g", func(g *wherry.Group) {
			g.Get("/below", text(""))
			g.Host("below.example", func(g *wherry.Group) { g.Use(broken("below it")) })
		})
	}, "below it"},
	{"middleware around a mount of nothing", func(a *wherry.App) {
		a.Group("/g", func(g *wherry.Group) { g.Use(broken("empty mount")).Mount("/m", wherry.New()) })
	}, "empty mount"},
	{"middleware of a mounted app", func(a *wherry.App) { a.Mount("/m", wherry.New().Use(broken("of a mounted app"))) }, "of a mounted app"},
	{"Engine", func(a *wherry.App) { a.Engine("steam") }, `Engine: engine: not supported on this system: "steam"`},
	{"Limits", func(a *wherry.App) { a.Limits(wherry.Limits{Body: -2}) }, "Limits.Body is -2: give a positive value"},
	{"Timeouts", func(a *wherry.App) { a.Timeouts(wherry.Timeouts{Idle: -2}) }, "Timeouts.Idle is -2ns: give a positive value"},
}

// broken is middleware that cannot work.
func broken(text string) wherry.Middleware {
	return func(wherry.Handler) wherry.Handler { return wherry.Broken(errors.New(text)) }
}

// TestBuildRefuses: with the place of the call, told once, without routes and
// with some.
func TestBuildRefuses(t *testing.T) {
	for _, test := range refusals {
		for _, routes := range []int{0, 2} {
			t.Run(fmt.Sprintf("%s/%d", test.name, routes), func(t *testing.T) {
				app := quiet()
				for i := range routes {
					app.Get(fmt.Sprintf("/routes/%d", i), text(""))
				}
				require.Nil(t, panicOf(func() { test.call(app) }))
				err := app.Build()
				require.ErrorContains(t, err, test.want)
				lines := strings.Split(strings.TrimSpace(err.Error()), "\n")[1:]
				require.Len(t, lines, 1)
				require.Regexp(t, `^\S+build_refusals_test\.go:\d+: `, lines[0])
			})
		}
	}
}

// TestBuildTellsRefusalsTogether: one hides no other.
func TestBuildTellsRefusalsTogether(t *testing.T) {
	app := quiet()
	for _, test := range refusals {
		test.call(app)
	}
	err := app.Build()
	for _, test := range refusals {
		if test.name != "NotFound" && !strings.HasPrefix(test.want, "the middleware") {
			require.ErrorContains(t, err, test.want, test.name)
		}
	}
}

// TestBuildTellsEachNumber: all impossible fields of one struct.
func TestBuildTellsEachNumber(t *testing.T) {
	app := quiet().Limits(wherry.Limits{
		Head: -5, FieldLines: -5, Target: -5, Body: -5, ChunkExtensions: -5, Trailer: -5, Drain: -5, MinRate: -5, Connections: -5,
	})
	app.Timeouts(wherry.Timeouts{Handshake: -5, Head: -5, BodyStall: -5, WriteStall: -5, Idle: -5, Linger: -5, Shutdown: -5})
	err := app.Build()
	require.Error(t, err)
	require.Equal(t, 16, strings.Count(err.Error(), " is -5"), err)
	require.Equal(t, 16, strings.Count(err.Error(), "build_refusals_test.go:"), err)
}

// TestBuildTellsAllOfARoute: one call, several mistakes.
func TestBuildTellsAllOfARoute(t *testing.T) {
	app := quiet().Get("/", text(""), wherry.Name("n"))
	app.Handle("get", "relative", nil, wherry.BodyLimit(-9), wherry.Name("n"), wherry.With(nil), nil)
	err := app.Build()
	for _, part := range []string{
		"letter case counts", `write "/relative"`, "handler is nil", "BodyLimit is -9", "already belongs", "middleware is nil", "option is nil",
	} {
		require.ErrorContains(t, err, part)
	}
}

// TestBuildTellsMiddlewareOnce: also around the routes of a mounted app.
func TestBuildTellsMiddlewareOnce(t *testing.T) {
	bad := errors.New("Limit(0): give a number above 0")
	app := quiet().Use(func(wherry.Handler) wherry.Handler { return wherry.Broken(bad) })
	err := app.Mount("/m", wherry.New().Get("/", text(""))).Build()
	require.ErrorIs(t, err, bad)
	require.Equal(t, 1, strings.Count(err.Error(), bad.Error()), err)
}

// TestBraces: patterns in the manner of others would match nothing but
// themselves.
func TestBraces(t *testing.T) {
	for pattern, want := range map[string]string{
		"/users/{id}":        `offset 7: "{id}": braces mean nothing in a pattern; write :id (`,
		"/files/{path...}":   "write ** (",
		"/files/{...}":       "write ** (",
		"/{$}":               "leave it out",
		"/n/{id:[0-9]+}":     "write :name (",
		"/v/{id}.json":       "write :name (",
		"/a/{":               "write :name (",
		"/a/b}":              "write :b (",
		"/a/{file*}":         "braces mean nothing",
		"/a/:{id}":           "braces mean nothing",
		"/orders/{order_id}": "write :order_id (",
	} {
		err := quiet().Get(pattern, text("")).Build()
		require.ErrorContains(t, err, want, pattern)
		require.ErrorContains(t, err, "build_refusals_test.go:", pattern)
	}
	braces := get("/users/{a}") + get("/users/%7Bb%7D")
	answers, err := quiet().Get("/users/:id", func(c *wherry.Context) error { return c.Text(200, c.Param("id")) }).Test(braces)
	require.NoError(t, err)
	require.Equal(t, "{a}{b}", string(answers[0].Body)+string(answers[1].Body), "a wildcard matches braces")
}

// TestMethodsOfOneCase: what is no standard method may have any letters.
func TestMethodsOfOneCase(t *testing.T) {
	app := quiet().Handle("purge", "/", text("purged")).Handle("PURGE", "/", text("PURGED"))
	require.Equal(t, "purged", string(ask(t, app, "purge / HTTP/1.1\r\nHost: x\r\n\r\n").Body))
}

// TestLastEngine: of several engines the last one counts, so one that does not
// work here is no mistake when it was replaced.
func TestLastEngine(t *testing.T) {
	require.NoError(t, quiet().Engine("steam").Engine("threaded").Build())
}

// TestNoApp: an App that New has not made says so, with the place.
func TestNoApp(t *testing.T) {
	var missing *wherry.App
	for name, use := range map[string]func(){
		"Get":       func() { new(wherry.App).Get("/", text("")) },
		"Use":       func() { new(wherry.App).Use() },
		"Group":     func() { new(wherry.App).Group("/g", func(*wherry.Group) {}) },
		"Host":      func() { new(wherry.App).Host("h", func(*wherry.Group) {}) },
		"Mount":     func() { new(wherry.App).Mount("/m", quiet()) },
		"Engine":    func() { new(wherry.App).Engine("threaded") },
		"Limits":    func() { new(wherry.App).Limits(wherry.Limits{}) },
		"OnConnect": func() { new(wherry.App).OnConnect(nil) },
		"shutdown":  func() { new(wherry.App).OnShutdown(nil) },
		"nil":       func() { missing.Get("/", text("")) },
		"group":     func() { new(wherry.Group).Get("/", text("")) },
	} {
		told := panicOf(use)
		require.Contains(t, told, "make it with wherry.New()", name)
		require.Contains(t, told, "build_refusals_test.go:", name)
	}
	for _, app := range []*wherry.App{missing, {}} {
		require.ErrorContains(t, app.Build(), "make it with wherry.New()")
		require.ErrorContains(t, app.Build(), "build_refusals_test.go:")
		_, err := app.Test(get("/"))
		require.ErrorContains(t, err, "make it with wherry.New()")
	}
}

// TestServeNil: there is nothing to accept from.
func TestServeNil(t *testing.T) {
	err := quiet().Serve(nil)
	require.ErrorContains(t, err, "Serve(nil): give a listener")
	require.ErrorContains(t, err, "build_refusals_test.go:")
}

// TestMissingDirectoryForMisses: the handler of misses is asked as those of
// routes are, and one that works is taken.
func TestMissingDirectoryForMisses(t *testing.T) {
	missing := filepath.Join(t.TempDir(), "none")
	require.ErrorContains(t, quiet().Get("/", text("")).NotFound(static.Dir(missing)).Build(), "NotFound: static.Dir(")
	require.NoError(t, quiet().NotFound(text("")).Build())
}

// panicOf returns what f panics with, nil if it does not.
func panicOf(f func()) (told any) {
	defer func() { told = recover() }()
	f()
	return nil
}

// plainJSON is a codec that is not the standard one.
type plainJSON struct{}

func (plainJSON) Append(b []byte, _ any) ([]byte, error) { return b, nil }
func (plainJSON) Decode([]byte, any, bool) error         { return nil }
