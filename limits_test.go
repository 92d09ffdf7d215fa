package wherry_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"wherry.example/wherry"
)

// Limits on the wire stand in testdata/conformance; here is what handlers and
// options do with them.

// sized posts n bytes, counted or in chunks, and returns the status.
func sized(t *testing.T, app *wherry.App, path string, n int, chunked bool) int {
	t.Helper()
	content := strings.Repeat("a", n)
	raw := fmt.Sprintf("POST %s HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%s", path, n, content)
	if chunked {
		raw = fmt.Sprintf("POST %s HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n", path)
		for len(content) > 0 {
			piece := content[:min(3, len(content))]
			raw += fmt.Sprintf("%x\r\n%s\r\n", len(piece), piece)
			content = content[len(piece):]
		}
		raw += "0\r\n\r\n"
	}
	return ask(t, app, raw).Status
}

func readAll(c *wherry.Context) error {
	_, err := io.Copy(io.Discard, c.Body())
	return err
}

func TestBodyLimits(t *testing.T) {
	app := quiet().Limits(wherry.Limits{Body: 10})
	app.Post("/app", readAll)
	app.Post("/route", readAll, wherry.BodyLimit(20))
	app.Post("/lower", readAll, wherry.BodyLimit(5))
	app.Post("/none", readAll, wherry.BodyLimit(wherry.NoLimit))
	app.Post("/set", func(c *wherry.Context) error { c.SetBodyLimit(8); return readAll(c) })
	app.Post("/setnone", func(c *wherry.Context) error { c.SetBodyLimit(wherry.NoLimit); return readAll(c) }, wherry.BodyLimit(1<<20))
	app.Post("/setzero", func(c *wherry.Context) error { c.SetBodyLimit(0); return readAll(c) })
	app.Post("/setbad", func(c *wherry.Context) error { c.SetBodyLimit(-7); return readAll(c) })
	app.Post("/whole", func(c *wherry.Context) error { _, err := c.BodyBytes(); return err })
	app.Post("/raise", func(c *wherry.Context) error {
		if _, err := io.ReadFull(c.Body(), make([]byte, 4)); err != nil {
			return err
		}
		c.SetBodyLimit(12)
		return readAll(c)
	})
	for path, limit := range map[string]int{"/app": 10, "/route": 20, "/lower": 5, "/set": 8, "/setzero": 10, "/whole": 10} {
		for _, chunked := range []bool{false, true} {
			require.Equal(t, 200, sized(t, app, path, limit, chunked), "%s %v", path, chunked)
			require.Equal(t, 413, sized(t, app, path, limit+1, chunked), "%s %v", path, chunked)
			require.Equal(t, 413, sized(t, app, path, limit+100, chunked), "%s %v", path, chunked)
		}
	}
	for _, path := range []string{"/none", "/setnone"} {
		for _, chunked := range []bool{false, true} {
			require.Equal(t, 200, sized(t, app, path, 5000, chunked), "%s %v", path, chunked)
		}
	}
	require.Equal(t, 500, sized(t, app, "/setbad", 1, true), "a limit that was reckoned wrong is not none")
	require.Equal(t, 200, sized(t, app, "/raise", 12, true), "what was read before counts")
	require.Equal(t, 413, sized(t, app, "/raise", 13, true))
}

// TestBodyLimitBeforeHandler: a declared length beyond the limit never
// reaches the handler.
func TestBodyLimitBeforeHandler(t *testing.T) {
	ran := false
	app := quiet().Limits(wherry.Limits{Body: 10})
	app.Post("/", func(*wherry.Context) error { ran = true; return nil })
	require.Equal(t, 413, sized(t, app, "/", 11, false))
	require.False(t, ran)
	require.Equal(t, 200, sized(t, app, "/", 11, true), "a chunked body that nobody reads has no size")
	require.True(t, ran)
}

// TestUnreadBodies: what the handler left is read and forgotten within
// Limits.Drain, then the connection goes on; beyond it, it is closed.
func TestUnreadBodies(t *testing.T) {
	app := quiet().Limits(wherry.Limits{Drain: 100}).Post("/", text("ignored")).Get("/", text("next"))
	for _, test := range []struct {
		n       int
		chunked bool
		goesOn  bool
	}{{100, false, true}, {101, false, false}, {90, true, true}, {1000, true, false}} {
		body := strings.Repeat("a", test.n)
		raw := fmt.Sprintf("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%s", test.n, body)
		if test.chunked {
			raw = fmt.Sprintf("POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n", test.n, body)
		}
		answers, err := app.Test(raw + get("/"))
		require.NoError(t, err)
		want := map[bool]int{true: 2, false: 1}[test.goesOn]
		require.Len(t, answers, want, "%+v", test)
	}
}

// TestHeadLimits: the largest that is taken and the smallest that is not.
func TestHeadLimits(t *testing.T) {
	app := quiet().Get("/**", text("ok")).Limits(wherry.Limits{Head: 200, FieldLines: 4, Target: 50})
	fill := func(n int) string { // a head of n bytes
		head := "GET / HTTP/1.1\r\nHost: x\r\nX: \r\n\r\n"
		return "GET / HTTP/1.1\r\nHost: x\r\nX: " + strings.Repeat("a", n-len(head)) + "\r\n\r\n"
	}
	require.Equal(t, 200, ask(t, app, fill(200)).Status)
	require.Equal(t, 431, ask(t, app, fill(201)).Status)
	target := func(n int) string { return get("/" + strings.Repeat("a", n-1)) }
	require.Equal(t, 200, ask(t, app, target(50)).Status)
	require.Equal(t, 414, ask(t, app, target(51)).Status)
	lines := func(n int) string {
		return "GET / HTTP/1.1\r\nHost: x\r\n" + strings.Repeat("X: 1\r\n", n-1) + "\r\n"
	}
	require.Equal(t, 200, ask(t, app, lines(4)).Status)
	require.Equal(t, 431, ask(t, app, lines(5)).Status)
}

// TestNoLimits: everything switched off takes what the defaults refuse.
func TestNoLimits(t *testing.T) {
	const no = wherry.NoLimit
	app := quiet().Limits(wherry.Limits{Head: no, FieldLines: no, Target: no, Body: no, ChunkExtensions: no, Trailer: no, Drain: no, MinRate: no, Connections: no})
	app.Post("/**", readAll)
	raw := "POST /" + strings.Repeat("a", 20<<10) + " HTTP/1.1\r\nHost: x\r\n" + strings.Repeat("X: "+strings.Repeat("v", 200)+"\r\n", 200) +
		"Transfer-Encoding: chunked\r\n\r\n"
	big := strings.Repeat("b", 5<<20)
	raw += fmt.Sprintf("%x;%s\r\n%s\r\n0\r\n%s\r\n", len(big), strings.Repeat("e", 5<<10), big, strings.Repeat("X-T: "+strings.Repeat("v", 100)+"\r\n", 150))
	require.Equal(t, 200, ask(t, app, raw).Status)
	require.NotEqual(t, 200, ask(t, quiet().Post("/**", readAll), raw).Status)
}

// TestConnectionsLimit: the one too many is closed at once, and there is room
// again when another ends.
func TestConnectionsLimit(t *testing.T) {
	app := quiet().Get("/", text("ok")).Limits(wherry.Limits{Connections: 2})
	addr, stop := serve(t, app)
	open := func() (net.Conn, bool) {
		conn := dial(t, addr)
		_, _ = io.WriteString(conn, get("/"))
		_, err := http.ReadResponse(bufio.NewReader(conn), nil)
		return conn, err == nil
	}
	first, ok := open()
	require.True(t, ok)
	_, ok = open()
	require.True(t, ok)
	_, ok = open()
	require.False(t, ok)
	require.NoError(t, first.Close())
	require.Eventually(t, func() bool { _, ok := open(); return ok }, patience, time.Millisecond)
	require.NoError(t, stop())
}

// TestMistakenLimits: every negative number but NoLimit is one.
func TestMistakenLimits(t *testing.T) {
	const bad = -2
	for name, l := range map[string]wherry.Limits{
		"Head": {Head: bad}, "FieldLines": {FieldLines: bad}, "Target": {Target: bad}, "Body": {Body: bad},
		"ChunkExtensions": {ChunkExtensions: bad}, "Trailer": {Trailer: bad}, "Drain": {Drain: bad}, "MinRate": {MinRate: bad}, "Connections": {Connections: bad},
	} {
		require.ErrorContains(t, quiet().Limits(l).Build(), "Limits."+name+" is -2: give a positive value, 0 for the default, or NoLimit")
	}
	for name, d := range map[string]wherry.Timeouts{
		"Handshake": {Handshake: bad}, "Head": {Head: bad}, "BodyStall": {BodyStall: bad}, "WriteStall": {WriteStall: bad},
		"Idle": {Idle: bad}, "Linger": {Linger: bad}, "Shutdown": {Shutdown: bad},
	} {
		require.ErrorContains(t, quiet().Timeouts(d).Build(), "Timeouts."+name+" is -2ns: give a positive value, 0 for the default, or NoLimit")
	}
	require.NoError(t, quiet().Limits(wherry.Limits{Head: 64}).Build())
	require.ErrorContains(t, quiet().Limits(wherry.Limits{Head: 63}).Build(), "no request fits")
	huge := wherry.Limits{Head: 1 << 40, FieldLines: 1 << 40, Target: 1 << 40, Body: 1<<63 - 1, Trailer: 1 << 40}
	require.NoError(t, quiet().Limits(huge).Timeouts(wherry.Timeouts{Idle: 1<<63 - 1}).Build(), "beyond the widest is the widest")
}

// Middleware stands around the refusal of content that is too large by its
// declared length, so the answer has its fields, and may have raised the limit.
func TestMiddlewareAroundBodyLimit(t *testing.T) {
	app := wherry.New().Limits(wherry.Limits{Body: 4})
	app.Use(func(next wherry.Handler) wherry.Handler {
		return func(c *wherry.Context) error {
			c.SetHeader("X-Around", "1")
			if c.Header("X-Raise") != "" {
				c.SetBodyLimit(10)
			}
			return next(c)
		}
	})
	ran := 0
	app.Post("/", func(c *wherry.Context) error {
		ran++
		content, err := c.BodyBytes()
		if err != nil {
			return err
		}
		return c.Text(200, string(content))
	})
	answers, err := app.Test("POST / HTTP/1.1\r\nHost: x\r\nX-Raise: 1\r\nContent-Length: 5\r\n\r\n12345" +
		"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\n12345")
	require.NoError(t, err)
	require.Len(t, answers, 2)
	require.Equal(t, 200, answers[0].Status)
	require.Equal(t, "12345", string(answers[0].Body))
	require.Equal(t, 413, answers[1].Status)
	require.Equal(t, "1", answers[1].Headers.Get("X-Around"))
	require.Equal(t, 1, ran)
}

// The limit of a route is nearer to its handler than that of its group.
func TestBodyLimitOfRouteAndGroup(t *testing.T) {
	group := func(next wherry.Handler) wherry.Handler {
		return func(c *wherry.Context) error {
			c.SetBodyLimit(8)
			return next(c)
		}
	}
	app := wherry.New().Use(group)
	read := func(c *wherry.Context) error {
		_, err := c.BodyBytes()
		return err
	}
	app.Post("/less", read, wherry.BodyLimit(4))
	app.Post("/more", read, wherry.BodyLimit(16))
	app.Post("/group", read)
	for path, limit := range map[string]int{"/less": 4, "/more": 16, "/group": 8} {
		for size, status := range map[int]int{limit: 200, limit + 1: 413} {
			content := strings.Repeat("x", size)
			answers, err := app.Test(fmt.Sprintf("POST %s HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%s", path, size, content))
			require.NoError(t, err)
			require.Equal(t, status, answers[0].Status, "%s %d", path, size)
			answers, err = app.Test(fmt.Sprintf("POST %s HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n", path, size, content))
			require.NoError(t, err)
			require.Equal(t, status, answers[0].Status, "%s %d in chunks", path, size)
		}
	}
}
