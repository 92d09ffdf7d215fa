package health_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"wherry.example/wherry"
	"wherry.example/wherry/engine"
	"wherry.example/wherry/health"
)

func get(t testing.TB, app *wherry.App, target string) (status int, body string) {
	t.Helper()
	answers, err := app.Test("GET " + target + " HTTP/1.1\r\nHost: example.com\r\n\r\n")
	require.NoError(t, err)
	require.Equal(t, "no-store", answers[0].Headers.Get("Cache-Control"))
	return answers[0].Status, string(answers[0].Body)
}

func status(t testing.TB, app *wherry.App, target string) int {
	t.Helper()
	status, _ := get(t, app, target)
	return status
}

func TestZero(t *testing.T) {
	h := health.New()
	app := h.Attach(wherry.New())
	for _, path := range []string{"/livez", "/readyz", "/startupz"} {
		status, body := get(t, app, path)
		require.Equal(t, 200, status, path)
		require.Equal(t, "ok\n", body)
	}
	h.Drain()
	h.Drain()
	require.Equal(t, 503, status(t, app, "/readyz"))
	require.Equal(t, 200, status(t, app, "/livez"), "what drains is alive")
	require.Equal(t, 200, status(t, app, "/startupz"))
}

func TestChecks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var broken error
		var log bytes.Buffer
		h := health.New(health.Options{
			Ready: []health.Check{
				{Name: "db", Run: func(context.Context) error { return broken }},
				{Name: "cache", Run: func(context.Context) error { return nil }},
			},
			Logger: slog.New(slog.NewTextHandler(&log, nil)),
		})
		app := h.Attach(wherry.New())
		require.Equal(t, 200, status(t, app, "/readyz"))
		broken = errors.New("dial 10.1.2.3: secret")
		require.Equal(t, 200, status(t, app, "/readyz"), "the result is used again")
		time.Sleep(time.Second)
		status, body := get(t, app, "/readyz?a=b&verbose")
		require.Equal(t, 503, status)
		require.Equal(t, "[-] db failed\n[+] cache ok\nunavailable\n", body, "why is not told")
		time.Sleep(time.Second)
		_, body = get(t, app, "/readyz")
		require.Equal(t, "unavailable\n", body)
		livez, body := get(t, app, "/livez?verbose")
		require.Equal(t, 200, livez, "liveness asks nobody")
		require.Equal(t, "ok\n", body)
		require.Equal(t, 1, strings.Count(log.String(), "check fails"), "once for a change")
		require.Contains(t, log.String(), "10.1.2.3")
		broken = nil
		time.Sleep(time.Second)
		status, _ = get(t, app, "/readyz")
		require.Equal(t, 200, status)
		require.Contains(t, log.String(), "passes again")
	})
}

func TestStartup(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		warm := errors.New("not yet")
		var ready atomic.Int64
		h := health.New(health.Options{
			Startup: []health.Check{{Name: "warm", Run: func(context.Context) error { return warm }}},
			Ready:   []health.Check{{Name: "db", Run: func(context.Context) error { ready.Add(1); return nil }}},
			Logger:  slog.New(slog.DiscardHandler),
		})
		app := h.Attach(wherry.New())
		require.Equal(t, 503, status(t, app, "/startupz"))
		_, body := get(t, app, "/readyz?verbose")
		require.Equal(t, "[-] warm failed\nunavailable\n", body)
		require.Zero(t, ready.Load())
		require.Equal(t, 200, status(t, app, "/livez"))
		warm = nil
		time.Sleep(time.Second)
		require.Equal(t, 200, status(t, app, "/readyz"), "readiness alone can find the start complete")
		warm = errors.New("again")
		time.Sleep(time.Hour)
		require.Equal(t, 200, status(t, app, "/startupz"), "once is enough")
		require.Equal(t, 200, status(t, app, "/readyz"))
	})
}

// A check that hangs costs one goroutine, however often somebody asks, and
// those who ask wait no longer than its timeout.
func TestHangingCheck(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var runs atomic.Int64
		release := make(chan struct{})
		h := health.New(health.Options{
			Ready: []health.Check{{Name: "slow", Timeout: time.Second, Run: func(context.Context) error {
				runs.Add(1)
				<-release
				return nil
			}}},
			Logger: slog.New(slog.DiscardHandler),
		})
		app := h.Attach(wherry.New())
		began := time.Now()
		for range 10 {
			require.Equal(t, 503, status(t, app, "/readyz"))
		}
		require.Equal(t, time.Second, time.Since(began), "only the first had to wait")
		require.EqualValues(t, 1, runs.Load())
		close(release)
		synctest.Wait()
		require.Equal(t, 200, status(t, app, "/readyz"))
	})
}

func TestCheckContextAndPanic(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := health.New(health.Options{
			Timeout: 3 * time.Second,
			Ready: []health.Check{
				{Name: "obedient", Run: func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }},
				{Name: "panics", Run: func(context.Context) error { panic("no") }},
			},
			Logger: slog.New(slog.DiscardHandler),
		})
		app := h.Attach(wherry.New())
		began := time.Now()
		_, body := get(t, app, "/readyz?verbose=1")
		require.Equal(t, "[-] obedient failed\n[-] panics failed\nunavailable\n", body)
		require.Equal(t, 3*time.Second, time.Since(began))
		synctest.Wait()
	})
}

// From the moment a shutdown begins the service is not ready, and until the
// delay is over it serves as before, also new connections.
func TestShutdownDelay(t *testing.T) {
	for _, kind := range engine.All() {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel() // they wait
			const delay = 3 * time.Second
			h := health.New(health.Options{ShutdownDelay: delay})
			begun := make(chan struct{})
			app := wherry.New().Engine(kind).OnShutdown(func() { close(begun) })
			h.Attach(app).Get("/work", func(c *wherry.Context) error { return c.Text(200, "done") })
			ln, err := net.Listen("tcp", "127.0.0.1:0")
			require.NoError(t, err)
			served := make(chan error, 1)
			go func() { served <- app.Serve(ln) }()
			addr := ln.Addr().String()
			require.Contains(t, ask(t, addr, "/readyz"), "HTTP/1.1 200")

			began := time.Now()
			stopped := make(chan error, 1)
			go func() {
				ctx, cancel := context.WithTimeout(context.Background(), delay+time.Minute)
				defer cancel()
				stopped <- app.Shutdown(ctx)
			}()
			<-begun
			require.Eventually(t, func() bool { return strings.Contains(ask(t, addr, "/readyz"), "HTTP/1.1 503") },
				delay, 5*time.Millisecond)
			work := ask(t, addr, "/work")
			require.Contains(t, work, "HTTP/1.1 200")
			require.Contains(t, work, "Connection: close", "the connection is not to be used again")
			require.Contains(t, ask(t, addr, "/livez"), "HTTP/1.1 200")
			require.NoError(t, <-stopped)
			require.GreaterOrEqual(t, time.Since(began), delay)
			require.NoError(t, <-served)
		})
	}
}

func ask(t *testing.T, addr, path string) string {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	require.NoError(t, err)
	defer func() { _ = c.Close() }()
	_, err = io.WriteString(c, "GET "+path+" HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
	require.NoError(t, err)
	answer, err := io.ReadAll(c)
	require.NoError(t, err)
	return string(answer)
}

func TestMistakes(t *testing.T) {
	run := func(context.Context) error { return nil }
	for _, test := range []struct {
		o    health.Options
		want string
	}{
		{health.Options{ShutdownDelay: -1}, "ShutdownDelay"},
		{health.Options{ShutdownDelay: time.Hour}, "ShutdownDelay"},
		{health.Options{CacheFor: -1}, "CacheFor"},
		{health.Options{Ready: []health.Check{{Run: run}}}, "Ready[0]"},
		{health.Options{Ready: []health.Check{{Name: "a"}}}, "Ready[0]"},
		{health.Options{Ready: []health.Check{{Name: "a\nb", Run: run}}}, "Ready[0]"},
		{health.Options{Startup: []health.Check{{Name: "a", Run: run}, {Name: "a", Run: run}}}, "Startup[1]"},
		{health.Options{Ready: make([]health.Check, 101)}, "at most 100"},
	} {
		_, _, line, _ := runtime.Caller(0)
		err := health.New(test.o).Attach(wherry.New()).Build()
		require.ErrorContains(t, err, test.want)
		require.Equal(t, 1, strings.Count(err.Error(), "health.New"), "once, and not for each route: %v", err)
		require.ErrorContains(t, err, fmt.Sprintf("health_test.go:%d: ", line+1))
		require.NotContains(t, err.Error(), "health.go:")
	}
	require.ErrorContains(t, health.New(health.Options{}, health.Options{}).Attach(wherry.New()).Build(), "give them once")
}

func Example() {
	database := func(ctx context.Context) error { return nil } // ask it
	h := health.New(health.Options{
		Ready:         []health.Check{{Name: "database", Run: database}},
		ShutdownDelay: 5 * time.Second,
	})
	app := h.Attach(wherry.New())
	answers, err := app.Test("GET /readyz?verbose HTTP/1.1\r\nHost: example.com\r\n\r\n")
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Print(string(answers[0].Body))
	// Output:
	// [+] database ok
	// ok
}
