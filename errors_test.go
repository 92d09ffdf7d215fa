package wherry_test

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"wherry.example/wherry"
)

func TestErrors(t *testing.T) {
	app := quiet()
	detailed := &wherry.Error{Status: 409, Type: "https://x/taken", Title: "Taken", Detail: "It is taken.",
		Errors: []wherry.FieldError{{Pointer: "#/a", Detail: "no"}}, Err: errors.New("internal")}
	app.Get("/detailed", func(*wherry.Context) error { return fmt.Errorf("wrapped: %w", detailed) })
	app.Get("/odd", func(*wherry.Context) error { return &wherry.Error{Status: 7} })
	app.Get("/fields", func(c *wherry.Context) error {
		c.SetHeader("Access-Control-Allow-Origin", "https://x")
		c.SetHeader("ETag", `"1"`)
		c.SetTrailer("X-T", "1")
		_ = c.Text(200, "was prepared")
		return detailed
	})
	r := ask(t, app, get("/detailed"))
	require.Equal(t, 409, r.Status)
	require.JSONEq(t, `{"type":"https://x/taken","title":"Taken","status":409,"detail":"It is taken.","errors":[{"pointer":"#/a","detail":"no"}]}`, string(r.Body))
	require.Equal(t, 500, ask(t, app, get("/odd")).Status)
	r = ask(t, app, "GET /detailed HTTP/1.1\r\nHost: x\r\nAccept: text/plain\r\n\r\n")
	require.Equal(t, "Taken: It is taken.\n", string(r.Body))
	r = ask(t, app, get("/fields"))
	require.Equal(t, "https://x", r.Headers.Get("access-control-allow-origin"))
	require.False(t, r.Headers.Has("ETag"))
	require.Equal(t, "409 Taken: It is taken.: internal", detailed.Error())
	require.Equal(t, 409, wherry.StatusOf(fmt.Errorf("x: %w", detailed)))
	require.Equal(t, 500, wherry.StatusOf(errors.New("x")))
	require.Equal(t, 200, wherry.StatusOf(nil))
	require.Equal(t, 418, wherry.StatusOf(teapot{}))
	require.Equal(t, 404, wherry.NewError(404, "x").StatusCode())
}

type teapot struct{}

func (teapot) Error() string   { return "teapot" }
func (teapot) StatusCode() int { return 418 }

func TestErrorHandler(t *testing.T) {
	calls := 0
	app := quiet().Get("/", func(*wherry.Context) error { return errors.New("x") })
	app.ErrorHandler(func(c *wherry.Context, err error) {
		calls++
		_ = c.Text(599, "own: "+err.Error())
	})
	r := ask(t, app, get("/"))
	require.Equal(t, 599, r.Status)
	require.Equal(t, "own: x", string(r.Body))
	require.Equal(t, 1, calls)
	failing := quiet().Get("/", func(*wherry.Context) error { return errors.New("x") })
	failing.ErrorHandler(func(*wherry.Context, error) { panic("in the error handler") })
	require.Equal(t, 500, ask(t, failing, get("/")).Status)
}

// record is what an app logs.
type record struct {
	mu sync.Mutex // guards the following
	b  strings.Builder
}

func (r *record) Write(p []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.b.Write(p)
}

func (r *record) String() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.b.String()
}

// logged returns an app and what it logs.
func logged() (*wherry.App, *record) {
	log := &record{}
	return wherry.New().Logger(slog.New(slog.NewTextHandler(log, nil))), log
}

// TestUnknownErrors: the client learns nothing, the operator everything, once.
func TestUnknownErrors(t *testing.T) {
	app, log := logged()
	app.Get("/a/:id", func(*wherry.Context) error { return fmt.Errorf("dial: %w", errors.New("secret-password")) })
	app.Get("/known", func(*wherry.Context) error { return &wherry.Error{Status: 404, Err: errors.New("secret-password")} })
	app.Get("/wrapped", func(*wherry.Context) error {
		return &wherry.Error{Status: 503, Detail: "Later.", Err: errors.New("secret-password")}
	})
	for _, accept := range []string{"", "Accept: text/plain\r\n", "Accept: text/html\r\n"} {
		for path, status := range map[string]int{"/a/1": 500, "/known": 404, "/wrapped": 503} {
			out, err := wherry.Wire(app, "GET "+path+" HTTP/1.1\r\nHost: x\r\n"+accept+"\r\n")
			require.NoError(t, err)
			require.True(t, strings.HasPrefix(out, fmt.Sprintf("HTTP/1.1 %d ", status)), out)
			require.NotContains(t, out, "secret")
		}
	}
	require.Equal(t, 6, strings.Count(log.String(), "request failed"), "%s", log)
	require.Contains(t, log.String(), `http.request.method=GET http.route=/a/:id error.message="dial: secret-password"`)
	require.Equal(t, 6, strings.Count(log.String(), "secret-password"))
}

// TestProblemByAccept: JSON unless the client likes text better.
func TestProblemByAccept(t *testing.T) {
	app := quiet().Get("/", func(*wherry.Context) error { return wherry.NewError(400, "Because.") })
	for accept, want := range map[string]string{
		"": "application/problem+json", "*/*": "application/problem+json", "application/json": "application/problem+json",
		"text/plain": "text/plain; charset=utf-8", "text/*": "text/plain; charset=utf-8", "text/html": "application/problem+json",
		"text/plain;q=0.5, application/json": "application/problem+json", "application/json;q=0.5, text/plain": "text/plain; charset=utf-8",
	} {
		r := ask(t, app, "GET / HTTP/1.1\r\nHost: x\r\nAccept: "+accept+"\r\n\r\n")
		require.Equal(t, want, r.Headers.Get("Content-Type"), accept)
		require.Equal(t, "Accept", r.Headers.Get("Vary"))
		if strings.HasPrefix(want, "text") {
			require.Equal(t, "Bad Request: Because.\n", string(r.Body))
		} else {
			require.JSONEq(t, `{"title":"Bad Request","status":400,"detail":"Because."}`, string(r.Body))
		}
	}
	bare := quiet().Get("/", func(*wherry.Context) error { return &wherry.Error{Status: 499} })
	r := ask(t, bare, "GET / HTTP/1.1\r\nHost: x\r\nAccept: text/plain\r\n\r\n")
	require.Equal(t, "499 \n", fmt.Sprintf("%d %s", r.Status, r.Body))
}

// brokenCodec encodes nothing.
type brokenCodec struct{}

func (brokenCodec) Append([]byte, any) ([]byte, error) { return nil, errors.New("broken") }
func (brokenCodec) Decode([]byte, any, bool) error     { return errors.New("broken") }

// TestProblemWithoutCodec: a codec that fails does not keep the error from
// being answered.
func TestProblemWithoutCodec(t *testing.T) {
	app := quiet().JSON(brokenCodec{}).Get("/", func(*wherry.Context) error { return wherry.NewError(418, "x") })
	r := ask(t, app, get("/"))
	require.Equal(t, "418 I'm a teapot\n", fmt.Sprintf("%d %s", r.Status, r.Body))
}

// TestErrorKeepsFields: what speaks of the content that will not be sent
// goes, what speaks of the exchange stays.
func TestErrorKeepsFields(t *testing.T) {
	stay := []string{"Access-Control-Allow-Origin", "X-Request-Id", "Set-Cookie", "Retry-After", "WWW-Authenticate", "Allow", "Location", "Strict-Transport-Security", "Vary"}
	leave := []string{"ETag", "Last-Modified", "Cache-Control", "Expires", "Content-Encoding", "Content-Language", "Content-Range", "Content-Disposition", "Accept-Ranges", "Trailer"}
	app := quiet().Get("/", func(c *wherry.Context) error {
		for _, name := range append(append([]string{}, stay...), leave...) {
			c.SetHeader(name, "1")
		}
		c.SetHeader("Content-Length", "12345")
		c.SetHeader("Content-Type", "image/png")
		_, _ = c.Status(206).Write([]byte("half"))
		return wherry.NewError(409, "no")
	})
	r := ask(t, app, get("/"))
	require.Equal(t, 409, r.Status)
	for _, name := range stay {
		require.True(t, r.Headers.Has(name), name)
	}
	for _, name := range leave {
		require.False(t, r.Headers.Has(name), name)
	}
	require.Equal(t, []string{"application/problem+json"}, r.Headers.Values("Content-Type"))
	require.JSONEq(t, `{"title":"Conflict","status":409,"detail":"no"}`, string(r.Body))
}

// TestErrorHandlers: each is called once; one that fails in any way leaves a
// plain 500, and is logged.
func TestErrorHandlers(t *testing.T) {
	cause := errors.New("cause")
	for name, test := range map[string]struct {
		handler func(*wherry.Context, error)
		want    string
	}{
		"answers":        {func(c *wherry.Context, err error) { _ = c.Text(418, err.Error()) }, "418 cause"},
		"does nothing":   {func(*wherry.Context, error) {}, "500 "},
		"writes":         {func(c *wherry.Context, err error) { _, _ = c.Status(599).WriteString("w") }, "599 w"},
		"streams":        {func(c *wherry.Context, err error) { c.Status(500); _ = c.Flush(); _, _ = c.WriteString("s") }, "500 s"},
		"panics":         {func(*wherry.Context, error) { panic("again") }, `500 {"title":"Internal Server Error","status":500}`},
		"breaks a field": {func(c *wherry.Context, err error) { c.SetHeader("X", "\n"); _ = c.Text(400, "x") }, `500 {"title":"Internal Server Error","status":500}`},
		"breaks length":  {func(c *wherry.Context, err error) { c.SetHeader("Content-Length", "9"); _ = c.Text(400, "x") }, `500 {"title":"Internal Server Error","status":500}`},
	} {
		calls := 0
		app := quiet().Get("/", func(*wherry.Context) error { return cause }).ErrorHandler(func(c *wherry.Context, err error) {
			calls++
			require.ErrorIs(t, err, cause)
			require.False(t, c.Committed())
			test.handler(c, err)
		})
		r := ask(t, app, get("/"))
		require.Equal(t, test.want, fmt.Sprintf("%d %s", r.Status, r.Body), name)
		require.Equal(t, 1, calls, name)
	}
	app := quiet().Get("/", func(*wherry.Context) error { return cause }).ErrorHandler(func(c *wherry.Context, _ error) {
		_ = c.Flush()
		panic("in the middle")
	})
	out, err := wherry.Wire(app, get("/")+get("/"))
	require.NoError(t, err)
	require.Equal(t, 1, strings.Count(out, "HTTP/1.1 "))
	require.NotContains(t, out, "0\r\n\r\n", "the answer does not look complete")
}

// TestErrorHandlerSees: routing errors and hook errors too, never those after
// the head.
func TestErrorHandlerSees(t *testing.T) {
	var seen told
	app := quiet().ErrorHandler(func(c *wherry.Context, err error) {
		seen.add("%v", err)
		_ = c.Text(wherry.StatusOf(err), "")
	})
	app.Get("/", text("")).Get("/late", func(c *wherry.Context) error { return errors.Join(c.Flush(), errors.New("late")) })
	app.BeforeRouting(func(c *wherry.Context) error {
		if c.RawPath() == "/hook" {
			return wherry.NewError(403, "hook")
		}
		return nil
	})
	for _, raw := range []string{get("/nowhere"), "POST / HTTP/1.1\r\nHost: x\r\n\r\n", "BREW / HTTP/1.1\r\nHost: x\r\n\r\n", get("/hook"), get("/late"), "bad\r\n\r\n"} {
		_, err := wherry.Wire(app, raw)
		require.NoError(t, err)
	}
	require.Equal(t, "404 Not Found, 405 Method Not Allowed, 501 Not Implemented: This server does not know the method., 403 Forbidden: hook", seen.String())
}

// failingReader yields n bytes and then fails or panics.
type failingReader struct {
	n int
	f func() error
}

func (r *failingReader) Read(p []byte) (int, error) {
	if r.n <= 0 {
		return 0, r.f()
	}
	n := min(len(p), r.n)
	r.n -= n
	return n, nil
}

// TestPanics: wherever user code runs, a panic is answered with 500 if the
// head is unsent, cuts the answer if not, is logged once with its stack, and
// does no harm to the next connection.
func TestPanics(t *testing.T) {
	boom := func() error { panic("boom") }
	for name, test := range map[string]struct {
		set    func(*wherry.App)
		status int // 0: the answer is cut
	}{
		"handler":        {func(a *wherry.App) { a.Get("/", func(*wherry.Context) error { return boom() }) }, 500},
		"nil pointer":    {func(a *wherry.App) { a.Get("/", func(*wherry.Context) error { var h wherry.Handler; return h(nil) }) }, 500},
		"panic(nil)":     {func(a *wherry.App) { a.Get("/", func(*wherry.Context) error { panic(nil) }) }, 500},
		"after text":     {func(a *wherry.App) { a.Get("/", func(c *wherry.Context) error { _ = c.Text(200, "x"); return boom() }) }, 500},
		"after the head": {func(a *wherry.App) { a.Get("/", func(c *wherry.Context) error { _ = c.Flush(); return boom() }) }, 0},
		"middleware": {func(a *wherry.App) {
			a.Use(func(wherry.Handler) wherry.Handler { return func(*wherry.Context) error { return boom() } }).Get("/", text(""))
		}, 500},
		"middleware late": {func(a *wherry.App) {
			a.Use(func(next wherry.Handler) wherry.Handler {
				return func(c *wherry.Context) error { _ = next(c); return boom() }
			}).Get("/", text("prepared"))
		}, 500},
		"BeforeRouting": {func(a *wherry.App) { a.BeforeRouting(func(*wherry.Context) error { return boom() }) }, 500},
		"NotFound":      {func(a *wherry.App) { a.NotFound(func(*wherry.Context) error { return boom() }) }, 500},
		"source of a stream": {func(a *wherry.App) {
			a.Get("/", func(c *wherry.Context) error { return c.Stream(200, "a/b", &failingReader{100, boom}) })
		}, 500},
		"source later": {func(a *wherry.App) {
			a.Get("/", func(c *wherry.Context) error { return c.Stream(200, "a/b", &failingReader{20000, boom}) })
		}, 0},
		"JSON": {func(a *wherry.App) { a.Get("/", func(c *wherry.Context) error { return c.JSON(200, panicking{}) }) }, 500},
	} {
		app, log := logged()
		test.set(app)
		out, err := wherry.Wire(app, get("/"))
		require.NoError(t, err)
		if test.status == 0 {
			require.True(t, strings.HasPrefix(out, "HTTP/1.1 200 OK\r\n"), name)
			require.False(t, strings.HasSuffix(out, "0\r\n\r\n"), name)
		} else {
			require.True(t, strings.HasPrefix(out, fmt.Sprintf("HTTP/1.1 %d ", test.status)), "%s: %.100s", name, out)
			require.True(t, strings.HasSuffix(out, `{"title":"Internal Server Error","status":500}`), "%s: %s", name, out)
		}
		if name == "JSON" {
			continue // encoding/json hands some panics on as they are, others as errors
		}
		require.Equal(t, 1, strings.Count(log.String(), "level=ERROR"), "%s: %s", name, log)
		require.Contains(t, log.String(), "goroutine ", name)
	}
}

type panicking struct{}

func (panicking) MarshalJSON() ([]byte, error) { panic("boom") }

// TestPanicError: middleware cannot see it, hooks can, with its value.
func TestPanicError(t *testing.T) {
	cause := errors.New("cause")
	var got wherry.Result
	app := quiet().Get("/", func(*wherry.Context) error { panic(cause) })
	app.AfterResponse(func(_ *wherry.Context, r wherry.Result) { got = r })
	require.Equal(t, 500, ask(t, app, get("/")).Status)
	var p *wherry.PanicError
	require.ErrorAs(t, got.Err, &p)
	require.ErrorIs(t, got.Err, cause)
	require.Equal(t, "panic: cause", p.Error())
	require.Contains(t, string(p.Stack), "errors_test.go")
	require.NoError(t, (&wherry.PanicError{Value: "text"}).Unwrap())
}

// TestLateErrors: a stream that fails is cut so that no client takes it for
// complete, in every framing.
func TestLateErrors(t *testing.T) {
	late := errors.New("late")
	app := quiet().Get("/", func(c *wherry.Context) error {
		if c.Header("X-Length") != "" {
			c.SetHeader("Content-Length", "100")
		}
		_, _ = c.WriteString("begun")
		return errors.Join(c.Flush(), late)
	})
	addr, stop := serve(t, app)
	for name, raw := range map[string]string{"chunked": get("/"), "counted": "GET / HTTP/1.1\r\nHost: x\r\nX-Length: 1\r\n\r\n", "until close": "GET / HTTP/1.0\r\n\r\n"} {
		conn := dial(t, addr)
		_, err := io.WriteString(conn, raw)
		require.NoError(t, err)
		answer, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err == nil {
			_, err = io.ReadAll(answer.Body)
		}
		require.Error(t, err, "%s: a client must notice", name)
		require.NoError(t, conn.Close())
	}
	require.NoError(t, stop())
}

// TestStatusOf: the first error that knows a status decides.
func TestStatusOf(t *testing.T) {
	for _, test := range []struct {
		err  error
		want int
	}{
		{nil, 200}, {io.EOF, 500}, {wherry.NewError(404, ""), 404}, {wherry.NewError(200, ""), 500}, {wherry.NewError(600, ""), 500},
		{wherry.NewError(399, ""), 500}, {wherry.NewError(400, ""), 400}, {wherry.NewError(599, ""), 599}, {fmt.Errorf("x: %w", teapot{}), 418},
		{errors.Join(io.EOF, wherry.NewError(403, "")), 403}, {fmt.Errorf("%w %w", wherry.NewError(401, ""), wherry.NewError(403, "")), 401},
	} {
		require.Equal(t, test.want, wherry.StatusOf(test.err), "%v", test.err)
	}
	require.ErrorIs(t, &wherry.Error{Status: 400, Err: io.EOF}, io.EOF)
	require.Equal(t, "400 Bad Request", (&wherry.Error{Status: 400}).Error())
	require.Equal(t, "400 T: D: EOF", (&wherry.Error{Status: 400, Title: "T", Detail: "D", Err: io.EOF}).Error())
	require.Equal(t, 418, ask(t, quiet().Get("/", func(*wherry.Context) error { return teapot{} }), get("/")).Status)
}

// TestErrorHandlerWithoutAnswer: the status is that of the error all the same,
// and the operator is told. So is it where only content was written.
func TestErrorHandlerWithoutAnswer(t *testing.T) {
	const told = "wherry: the error handler has not answered"
	app, log := logged()
	app.Get("/:status", func(c *wherry.Context) error {
		status, err := wherry.Param[int](c, "status")
		return errors.Join(err, wherry.NewError(status, "secret"))
	})
	app.ErrorHandler(func(c *wherry.Context, err error) {
		switch {
		case wherry.StatusOf(err) == 410:
			_, _ = c.WriteString("gone")
		case wherry.StatusOf(err) == 418:
			_ = c.NoContent()
		}
	})
	for path, want := range map[string]string{"/404": "404 ", "/503": "503 ", "/410": "410 gone", "/418": "204 "} {
		before := strings.Count(log.String(), told)
		r := ask(t, app, get(path))
		require.Equal(t, want, fmt.Sprintf("%d %s", r.Status, r.Body))
		silent := path == "/404" || path == "/503"
		require.Equal(t, silent, strings.Count(log.String(), told) == before+1, path)
	}
	require.Contains(t, log.String(), `http.route=/:status error.message="503 Service Unavailable: secret"`)
	require.Equal(t, 200, ask(t, quiet().Get("/", func(*wherry.Context) error { return nil }), get("/")).Status)
}

// TestNotFoundWithoutAnswer: a handler for requests without a route answers 404
// unless it says another status.
func TestNotFoundWithoutAnswer(t *testing.T) {
	for want, h := range map[string]wherry.Handler{
		"404 ":                              func(*wherry.Context) error { return nil },
		"404 page":                          func(c *wherry.Context) error { _, err := c.WriteString("page"); return err },
		"200 page":                          func(c *wherry.Context) error { return c.Text(200, "page") },
		"204 ":                              func(c *wherry.Context) error { return c.NoContent() },
		"202 ":                              func(c *wherry.Context) error { return c.Status(202).NoContent() },
		`410 {"title":"Gone","status":410}`: func(*wherry.Context) error { return wherry.NewError(410, "") },
	} {
		app := quiet().NotFound(h)
		r := ask(t, app, get("/nowhere"))
		require.Equal(t, want, fmt.Sprintf("%d %s", r.Status, r.Body))
	}
}

// TestDefaultErrorHandler: an error handler of one's own can leave to it what
// it does not know.
func TestDefaultErrorHandler(t *testing.T) {
	app := quiet().ErrorHandler(func(c *wherry.Context, err error) {
		if wherry.StatusOf(err) == 404 {
			_ = c.Text(404, "none")
			return
		}
		wherry.DefaultErrorHandler(c, err)
	})
	app.Get("/teapot", func(*wherry.Context) error { return teapot{} })
	require.Equal(t, "none", string(ask(t, app, get("/nowhere")).Body))
	r := ask(t, app, get("/teapot"))
	require.Equal(t, "application/problem+json", r.Headers.Get("Content-Type"))
	require.Equal(t, `418 {"title":"I'm a teapot","status":418}`, fmt.Sprintf("%d %s", r.Status, r.Body))
}

// TestProblemMembers: RFC 9457 section 3: what an occurrence is named, and
// members of one's own, which replace none of the others.
func TestProblemMembers(t *testing.T) {
	app := quiet()
	app.Get("/plain", func(*wherry.Context) error { return &wherry.Error{Status: 403, Instance: "/account/12345/msgs/abc"} })
	own := map[string]any{"balance": 30, "status": 200, "title": "x", "type": "x", "detail": "x", "instance": "x", "errors": "x"}
	app.Get("/more", func(*wherry.Context) error { return &wherry.Error{Status: 403, Extensions: own} })
	app.Get("/all", func(*wherry.Context) error {
		return &wherry.Error{Status: 403, Type: "https://x/y", Title: "T", Detail: "D", Instance: "/i", Extensions: own, Errors: []wherry.FieldError{{Detail: "no"}}}
	})
	for path, want := range map[string]string{
		"/plain": `{"title":"Forbidden","status":403,"instance":"/account/12345/msgs/abc"}`,
		"/more":  `{"title":"Forbidden","status":403,"balance":30}`,
		"/all":   `{"type":"https://x/y","title":"T","status":403,"detail":"D","instance":"/i","errors":[{"detail":"no"}],"balance":30}`,
	} {
		require.JSONEq(t, want, string(ask(t, app, get(path)).Body))
	}
	require.Equal(t, "x", own["title"], "the map stays the program's")
}
