package middleware_test

import (
	"context"
	"io"
	"log/slog"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"wherry.example/wherry"
	"wherry.example/wherry/engine"
	"wherry.example/wherry/middleware"
)

// What the recommended stack costs: each middleware alone around the same
// handler, and all of them. Subtract the line "bare". In a binary whose name
// ends with .test a Context is never used again, which costs more than all
// this, so:
//
//	go test -c -o /tmp/stack ./middleware && /tmp/stack -test.run '^$' -test.bench Stack -test.count 5
func BenchmarkStack(b *testing.B) {
	if strings.HasSuffix(os.Args[0], ".test") {
		b.Skip("the name of the binary ends with .test, see the comment")
	}
	discarded := slog.New(slog.DiscardHandler)
	written := slog.New(slog.NewJSONHandler(io.Discard, nil))
	proxies := middleware.ClientIPOptions{TrustedProxies: prefixes("10.0.0.0/8")}
	stack := func() *wherry.App {
		return wherry.New().
			Use(middleware.RequestID(), middleware.Recover(), middleware.ClientIP(proxies), middleware.SecureHeaders(), benchCORS(),
				benchRateLimit(), middleware.Timeout(10*time.Second)).
			AfterResponse(middleware.AccessLog(discarded))
	}
	one := func(mw wherry.Middleware) func() *wherry.App {
		return func() *wherry.App { return wherry.New().Use(mw) }
	}
	for _, bench := range []struct {
		name   string
		app    func() *wherry.App
		remote string
		fields string
	}{
		{"bare", wherry.New, "192.0.2.9", ""},
		{"RequestID", one(middleware.RequestID()), "192.0.2.9", ""},
		{"Recover", one(middleware.Recover()), "192.0.2.9", ""},
		{"AccessLog-off", func() *wherry.App { return wherry.New().AfterResponse(middleware.AccessLog(discarded)) }, "192.0.2.9", ""},
		{"ClientIP", one(middleware.ClientIP(proxies)), "192.0.2.9", ""},
		{"SecureHeaders", one(middleware.SecureHeaders()), "192.0.2.9", ""},
		{"CORS", one(benchCORS()), "192.0.2.9", ""},
		{"CSRF", one(middleware.CSRF()), "192.0.2.9", ""},
		{"RateLimit", one(benchRateLimit()), "192.0.2.9", ""},
		{"Timeout", one(middleware.Timeout(10 * time.Second)), "192.0.2.9", ""},
		{"all", stack, "192.0.2.9", ""},
		{"bare-proxied", wherry.New, "10.0.0.1", proxiedFields},
		{"ClientIP-proxied", one(middleware.ClientIP(proxies)), "10.0.0.1", proxiedFields},
		{"CORS-proxied", one(benchCORS()), "10.0.0.1", proxiedFields},
		{"all-proxied", stack, "10.0.0.1", proxiedFields},
		{"AccessLog-JSON", func() *wherry.App { return wherry.New().AfterResponse(middleware.AccessLog(written)) }, "192.0.2.9", ""},
	} {
		b.Run(bench.name, func(b *testing.B) {
			app := bench.app().Get("/users/:id", func(c *wherry.Context) error { return c.Text(200, "ann") })
			flood(b, app, tcp(bench.remote), "GET /users/7 HTTP/1.1\r\nHost: example.com\r\n"+bench.fields+"\r\n")
		})
	}
}

const proxiedFields = "X-Forwarded-For: 203.0.113.5\r\nX-Forwarded-Proto: https\r\nOrigin: https://example.com\r\n"

func benchCORS() wherry.Middleware {
	return middleware.CORS(middleware.CORSOptions{Origins: []string{"https://example.com"}})
}

func benchRateLimit() wherry.Middleware {
	return middleware.RateLimit(middleware.RateLimitOptions{Requests: 1_000_000_000, Per: time.Minute})
}

// flood sends b.N requests, each when the one before it is answered.
func flood(b *testing.B, app *wherry.App, remote net.Addr, request string) {
	conn := &floodConn{heardConn: heardConn{remote: remote, closed: make(chan struct{})}, request: []byte(request), left: 1000}
	ln := newLoneListener(conn)
	conn.warm = make(chan struct{})
	conn.start = make(chan int)
	served := make(chan error, 1)
	go func() { served <- app.Engine(engine.Threaded).Serve(ln) }()
	<-conn.warm
	b.ReportAllocs()
	b.ResetTimer()
	conn.start <- b.N
	<-conn.closed
	b.StopTimer()
	require.NoError(b, app.Shutdown(context.Background()))
	require.NoError(b, <-served)
	require.True(b, conn.ok, "every answer is a 200")
}

// floodConn has a thousand requests to warm up, and then as many as it is told.
type floodConn struct {
	heardConn
	request []byte
	rest    []byte
	left    int
	warm    chan struct{}
	start   chan int
	ok      bool
}

func (c *floodConn) Read(p []byte) (int, error) {
	if len(c.rest) == 0 {
		if c.left == 0 {
			if c.warm == nil {
				return 0, io.EOF
			}
			close(c.warm)
			c.warm, c.left = nil, <-c.start
		}
		c.left--
		c.rest = c.request
	}
	n := copy(p, c.rest)
	c.rest = c.rest[n:]
	return n, nil
}

func (c *floodConn) Write(p []byte) (int, error) {
	c.ok = string(p[:12]) == "HTTP/1.1 200"
	return len(p), nil
}
