package wherry_test

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"runtime"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"wherry.example/wherry"
	"wherry.example/wherry/engine"
)

// What a handler leaves behind when it does not come back, or when what it
// started panics later, must never meet another request.

var secretKey = wherry.NewKey[string]("secret")

var errExit = errors.New("the error handler exits")

// brokenStatus is an error that panics when it is asked for its status.
type brokenStatus struct{}

func (brokenStatus) Error() string   { return "broken" }
func (brokenStatus) StatusCode() int { panic("no status") }

// brokenEncoder panics in one of its methods.
type brokenEncoder struct {
	io.Writer
	in string
}

func (e brokenEncoder) Write(p []byte) (int, error) {
	if e.in == "Write" {
		panic("Write")
	}
	return e.Writer.Write(p)
}
func (e brokenEncoder) Flush() error { return nil }
func (e brokenEncoder) Close() error { panic("Close") }

func encodeBroken(in string) wherry.Handler {
	return func(c *wherry.Context) error {
		c.EncodeContent(func(*wherry.Context, int64) func(io.Writer) wherry.ContentEncoder {
			if in == "choose" {
				panic("choose")
			}
			return func(dst io.Writer) wherry.ContentEncoder { return brokenEncoder{dst, in} }
		})
		return nil
	}
}

// badEnds are handlers that end badly, and the status that the client gets
// nevertheless; "" stands for an answer that must not look complete.
var badEnds = map[string]struct {
	status string
	end    wherry.Handler
}{
	"exits":             {"", func(*wherry.Context) error { runtime.Goexit(); return nil }},
	"exits in a stream": {"", func(c *wherry.Context) error { _ = c.Flush(); runtime.Goexit(); return nil }},
	"exits when hijacked": {"", func(c *wherry.Context) error {
		_, _, _ = c.Hijack()
		runtime.Goexit()
		return nil
	}},
	"exits in a coded stream": {"", func(c *wherry.Context) error {
		_ = encodeBroken("Close")(c)
		_ = c.Flush()
		runtime.Goexit()
		return nil
	}},
	"exits in the error handler": {"", func(*wherry.Context) error { return errExit }},
	"exits in a hook": {"", func(c *wherry.Context) error {
		c.SetHeader("X-Exit", "1")
		return nil
	}},
	"encoder's choice panics": {"", encodeBroken("choose")},
	"encoder's Write panics":  {"", encodeBroken("Write")},
	"encoder's Close panics":  {"", encodeBroken("Close")},
	"encoder is nil":          {"", func(c *wherry.Context) error { c.EncodeContent(nil); return nil }},
	"nil *Error": {"500", func(*wherry.Context) error {
		var none *wherry.Error
		return none
	}},
	"status panics": {"", func(*wherry.Context) error { return brokenStatus{} }},
}

func badEndApp(end wherry.Handler, left *atomic.Pointer[context.Context], told *atomic.Int64) *wherry.App {
	app := quiet().Handle("DELETE", "/thing/:id", func(c *wherry.Context) error {
		secretKey.Set(c, "alice's")
		c.SetHeader("Set-Cookie", "session=alice")
		ctx := c.Context()
		left.Store(&ctx)
		_, _ = c.WriteString("alice's account")
		return end(c)
	})
	app.Get("/thing/:id", func(c *wherry.Context) error {
		secret, _ := secretKey.Get(c)
		return c.Text(200, c.Method()+" "+c.Param("id")+" "+secret)
	})
	app.ErrorHandler(func(c *wherry.Context, err error) {
		if err == errExit {
			runtime.Goexit()
		}
		_ = c.Text(wherry.StatusOf(err), "failed\n")
	})
	return app.AfterResponse(func(c *wherry.Context, _ wherry.Result) {
		told.Add(1)
		if c.ResponseHeaders().Has("X-Exit") {
			runtime.Goexit()
		}
	})
}

// TestBadEnds: whatever way a handler takes out, the requests behind it are
// answered as if it had never been, its context is cancelled and its end told.
func TestBadEnds(t *testing.T) {
	const rounds = 5
	for name, test := range badEnds {
		for _, kind := range engine.All() {
			t.Run(name+"/"+string(kind), func(t *testing.T) {
				var left atomic.Pointer[context.Context]
				var told atomic.Int64
				app := badEndApp(test.end, &left, &told).Engine(kind)
				ln, err := net.Listen("tcp", "127.0.0.1:0")
				require.NoError(t, err)
				served := make(chan error, 1)
				go func() { served <- app.Serve(ln) }()
				addr := ln.Addr().String()
				for range rounds {
					answer := exchange(t, addr, "DELETE /thing/1 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
					requireEnd(t, test.status, answer)
					select {
					case <-(*left.Load()).Done():
					case <-time.After(patience):
						require.Fail(t, "the context of the exchange was not cancelled")
					}
					for range 3 {
						answer := exchange(t, addr, "GET /thing/2 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
						require.True(t, strings.HasPrefix(answer, "HTTP/1.1 200 OK\r\n"), answer)
						require.NotContains(t, answer, "alice")
						require.True(t, strings.HasSuffix(answer, "\r\n\r\nGET 2 "), answer)
					}
				}
				requireCut(t, addr)
				require.NoError(t, app.Shutdown(context.Background()))
				require.NoError(t, <-served)
				require.EqualValues(t, rounds*4+1, told.Load(), "each exchange ends once")
			})
		}
	}
}

// requireEnd looks at the answer of a bad end.
func requireEnd(t *testing.T, status, answer string) {
	t.Helper()
	if status != "" {
		require.True(t, strings.HasPrefix(answer, "HTTP/1.1 "+status+" "), "%q", answer)
		return
	}
	head, content, _ := strings.Cut(answer, "\r\n\r\n")
	complete := strings.Contains(head, "Content-Length: ") || strings.HasSuffix(content, "0\r\n\r\n")
	require.False(t, complete && !strings.HasPrefix(answer, "HTTP/1.1 500 "), "%q", answer)
}

// requireCut looks at a bad end as a client does for which only the end of the
// connection ends an answer.
func requireCut(t *testing.T, addr string) {
	t.Helper()
	conn, err := net.Dial("tcp", addr)
	require.NoError(t, err)
	defer conn.Close()
	require.NoError(t, conn.SetDeadline(time.Now().Add(patience)))
	_, err = io.WriteString(conn, "DELETE /thing/1 HTTP/1.0\r\n\r\n")
	require.NoError(t, err)
	answer, err := io.ReadAll(conn)
	if head, _, _ := strings.Cut(string(answer), "\r\n\r\n"); head != "" && !strings.Contains(head, "Content-Length: ") {
		require.ErrorIs(t, err, syscall.ECONNRESET, "%q", answer)
	}
}

// exchange sends raw bytes on a connection of its own and reads to the end,
// which may be a reset.
func exchange(t *testing.T, addr, raw string) string {
	t.Helper()
	conn, err := net.Dial("tcp", addr)
	require.NoError(t, err)
	defer conn.Close()
	require.NoError(t, conn.SetDeadline(time.Now().Add(patience)))
	_, err = io.WriteString(conn, raw)
	require.NoError(t, err)
	answer, err := io.ReadAll(conn)
	require.NotErrorIs(t, err, context.DeadlineExceeded)
	return string(answer)
}

// TestBadEndBehindKeepOpen: an answer that was left open is its owner's, however
// the handler ends; the hooks hear of its end once.
func TestBadEndBehindKeepOpen(t *testing.T) {
	ends := map[string]wherry.Handler{
		"error": func(*wherry.Context) error { return errors.New("later trouble") },
		"panic": func(*wherry.Context) error { panic("later trouble") },
		"exit":  func(*wherry.Context) error { runtime.Goexit(); return nil },
	}
	for name, end := range ends {
		open := make(chan *wherry.OpenAnswer, 1)
		var ended atomic.Int64
		build := func() *wherry.App {
			app := quiet().OnDisconnect(func(*wherry.Conn, error) { ended.Add(1) })
			return app.Get("/", func(c *wherry.Context) error {
				o, err := c.KeepOpen(func() {})
				if err != nil {
					return err
				}
				defer func() { open <- o }()
				return end(c)
			})
		}
		onEngines(t, build, func(t *testing.T, conn *net.TCPConn) {
			ended.Store(0)
			_, err := io.WriteString(conn, get("/"))
			require.NoError(t, err)
			o := <-open
			if name != "exit" { // then the engine has closed it
				_, err = o.Write([]byte("the owner's"))
				require.NoError(t, err)
			}
			_ = o.Close()
			answer, _ := io.ReadAll(conn)
			require.Equal(t, name != "exit", strings.HasSuffix(string(answer), "the owner's"), "%q", answer)
			require.Eventually(t, func() bool { return ended.Load() > 0 }, patience, time.Millisecond)
			require.EqualValues(t, 1, ended.Load())
		})
	}
}

// TestCutOverTLS: content that only the end of the connection delimits does not
// look complete when it is not.
func TestCutOverTLS(t *testing.T) {
	trouble := func(c *wherry.Context) error {
		_, _ = c.WriteString("partial")
		_ = c.Flush()
		return errors.New("later trouble")
	}
	build := func() *wherry.App {
		return quiet().Get("/", trouble).Get("/abort", func(c *wherry.Context) error {
			o, err := c.KeepOpen(nil)
			if err != nil {
				return trouble(c)
			}
			o.Abort()
			return nil
		})
	}
	overPlainAndTLS(t, build, func(t *testing.T, dial func() net.Conn) {
		for _, path := range []string{"/", "/abort", "/", "/abort", "/", "/abort"} {
			conn := dial()
			defer conn.Close()
			require.NoError(t, conn.SetDeadline(time.Now().Add(patience)))
			_, err := io.WriteString(conn, "GET "+path+" HTTP/1.0\r\n\r\n")
			require.NoError(t, err)
			_, err = io.ReadAll(conn)
			require.Error(t, err, path)
			require.NotErrorIs(t, err, os.ErrDeadlineExceeded)
		}
	})
}

// TestNilError: the log says what a nil *Error is.
func TestNilError(t *testing.T) {
	var none *wherry.Error
	require.Contains(t, none.Error(), "nil *wherry.Error")
	require.NoError(t, none.Unwrap())
	require.Equal(t, 500, wherry.StatusOf(none))
}

// TestExitInTest: a handler that ends the goroutine of a test, as a failed
// assertion does, is concluded too.
func TestExitInTest(t *testing.T) {
	var told atomic.Int64
	var ctx context.Context
	status := -1
	app := quiet().Get("/", func(c *wherry.Context) error {
		ctx = c.Context()
		c.Status(201)
		runtime.Goexit()
		return nil
	})
	app.AfterResponse(func(_ *wherry.Context, r wherry.Result) { status = r.Status; told.Add(1) }).OnDisconnect(func(*wherry.Conn, error) { told.Add(1) })
	done := make(chan struct{})
	go func() {
		defer close(done)
		_, _ = app.Test(get("/"))
	}()
	<-done
	require.EqualValues(t, 2, told.Load())
	require.Error(t, ctx.Err())
	require.Zero(t, status, "none was sent")
}
