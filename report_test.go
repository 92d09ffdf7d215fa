package wherry_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"wherry.example/wherry"
	"wherry.example/wherry/engine"
)

// What the operator is told of an exchange, and what not.

// TestMistakesAreLogged: an answer that becomes a 500, or is cut, by a mistake
// of the handler is logged, once.
func TestMistakesAreLogged(t *testing.T) {
	for name, test := range map[string]struct {
		h      wherry.Handler
		status string
		log    string
	}{
		"status 0": {func(c *wherry.Context) error { return c.Text(0, "x") }, "500", "0 is no status of a final answer"},
		"status 0, the error is lost": {func(c *wherry.Context) error {
			_ = c.Status(404).Text(0, "x")
			return nil
		}, "500", "0 is no status of a final answer"},
		"status 99":   {func(c *wherry.Context) error { return c.Text(99, "x") }, "500", "99 is no status of a final answer"},
		"status 101":  {func(c *wherry.Context) error { return c.Text(101, "x") }, "500", "101 is no status of a final answer"},
		"status 1000": {func(c *wherry.Context) error { return c.Text(1000, "x") }, "500", "1000 is no status of a final answer"},
		"a field": {func(c *wherry.Context) error {
			c.SetHeader("A", "b\r\nc: d")
			return c.Text(200, "x")
		}, "500", "cannot be sent"},
		"a trailer": {func(c *wherry.Context) error {
			c.SetTrailer("Content-Length", "1")
			return c.Text(200, "x")
		}, "500", "cannot be a trailer field"},
		"less than was declared": {func(c *wherry.Context) error {
			c.SetHeader("Content-Length", "10")
			return c.Text(200, "x")
		}, "500", "declared Content-Length"},
		"more than was declared": {func(c *wherry.Context) error {
			c.SetHeader("Content-Length", "1")
			_, err := c.Write([]byte("xxx"))
			return err
		}, "500", "declared Content-Length"},
		"more, the error is lost": {func(c *wherry.Context) error {
			c.SetHeader("Content-Length", "1")
			_ = c.Flush()
			_, _ = c.Write([]byte("xxx"))
			return nil
		}, "200", "declared Content-Length"},
		"less, the head has left": {func(c *wherry.Context) error {
			c.SetHeader("Content-Length", "100")
			_, _ = c.Write([]byte("xxx"))
			return c.Flush()
		}, "200", "declared Content-Length"},
		"an encoder": {func(c *wherry.Context) error {
			c.EncodeContent(func(*wherry.Context, int64) func(io.Writer) wherry.ContentEncoder {
				return func(io.Writer) wherry.ContentEncoder { return failingEncoder{} }
			})
			return c.Text(200, "x")
		}, "", "the encoder fails"},
		"an Error of 200": {func(*wherry.Context) error { return wherry.NewError(200, "x") }, "500", "200 is no status of an Error; those are 400 to 599"},
		"an Error of 302": {func(*wherry.Context) error { return wherry.NewError(302, "x") }, "500", "302 is no status of an Error"},
		"an Error of 700": {func(*wherry.Context) error {
			return fmt.Errorf("wrapped: %w", wherry.NewError(700, "x"))
		}, "500", "700 is no status of an Error"},
	} {
		t.Run(name, func(t *testing.T) {
			app, log := logged()
			out, err := wherry.Wire(app.Get("/a/:id", test.h), get("/a/1"))
			require.NoError(t, err)
			if test.status == "" {
				require.Empty(t, out)
			} else {
				require.True(t, strings.HasPrefix(out, "HTTP/1.1 "+test.status+" "), out)
			}
			if test.status == "500" {
				require.True(t, strings.HasSuffix(out, `{"title":"Internal Server Error","status":500}`), out)
			}
			require.Equal(t, 1, strings.Count(log.String(), "level=ERROR"), "%s", log)
			require.Contains(t, log.String(), `msg="wherry: request failed" http.request.method=GET http.route=/a/:id error.message=`)
			require.Contains(t, log.String(), test.log)
		})
	}
}

type failingEncoder struct{}

func (failingEncoder) Write(p []byte) (int, error) { return len(p), nil }
func (failingEncoder) Flush() error                { return nil }
func (failingEncoder) Close() error                { return errors.New("the encoder fails") }

// TestErrorsOfOtherSocketsAreLogged: what the socket of a backend says is no
// echo of the client's leaving, whatever it is, and with the client there.
func TestErrorsOfOtherSocketsAreLogged(t *testing.T) {
	for _, cause := range []error{
		os.ErrDeadlineExceeded, net.ErrClosed, io.ErrUnexpectedEOF, io.EOF, syscall.EPIPE, syscall.ECONNRESET, context.Canceled, context.DeadlineExceeded,
		&net.OpError{Op: "read", Net: "tcp", Err: os.ErrDeadlineExceeded}, &net.OpError{Op: "dial", Net: "tcp", Err: syscall.ECONNREFUSED},
	} {
		app, log := logged()
		app.Get("/", func(c *wherry.Context) error {
			require.NoError(t, c.Context().Err())
			return fmt.Errorf("store: %w", cause)
		})
		require.Equal(t, 500, ask(t, app.Engine(engine.Threaded), get("/")).Status, "%v", cause)
		require.Equal(t, 1, strings.Count(log.String(), "level=ERROR"), "%v: %s", cause, log)
		require.Contains(t, log.String(), "store: ")
	}
}

// query waits as a driver of a database does.
func query(ctx context.Context) error {
	<-ctx.Done()
	return fmt.Errorf("query: %w", ctx.Err())
}

// TestHalfClosedClients: whoever ends its sending before the answer gets it: of
// a handler that does not look at the context as it is, of one that has given
// up with it an answer that is no failure of the server.
func TestHalfClosedClients(t *testing.T) {
	for _, kind := range engine.All() {
		t.Run(string(kind), func(t *testing.T) { servesHalfClosed(t, kind) })
	}
}

func servesHalfClosed(t *testing.T, kind engine.Kind) {
	for name, test := range map[string]struct {
		h      func(*wherry.Context) error
		status int
		body   string
	}{
		"looks at nothing":     {func(c *wherry.Context) error { <-c.Context().Done(); return c.Text(200, "all") }, 200, "all"},
		"without cancellation": {func(c *wherry.Context) error { <-c.Context().Done(); return ignoring(c) }, 200, "all"},
		"gives up":             {func(c *wherry.Context) error { return query(c.Context()) }, 400, "The client has ended its sending"},
		"tells the cause":      {func(c *wherry.Context) error { _ = query(c.Context()); return context.Cause(c.Context()) }, 400, "The client has ended its sending"},
		"has a status":         {func(c *wherry.Context) error { return &wherry.Error{Status: 503, Err: query(c.Context())} }, 503, "Service Unavailable"},
	} {
		var result wherry.Result
		app, log := logged()
		app.Get("/", test.h).AfterResponse(func(_ *wherry.Context, r wherry.Result) { result = r })
		addr, stop := serve(t, app.Engine(kind))
		conn := dial(t, addr)
		_, err := io.WriteString(conn, get("/"))
		require.NoError(t, err)
		require.NoError(t, conn.(*net.TCPConn).CloseWrite())
		answer, err := http.ReadResponse(bufio.NewReader(conn), nil)
		require.NoError(t, err, name)
		body, err := io.ReadAll(answer.Body)
		require.NoError(t, err)
		require.NoError(t, conn.Close())
		require.NoError(t, stop())
		require.Equal(t, test.status, answer.StatusCode, name)
		require.Contains(t, string(body), test.body, name)
		require.NotContains(t, string(body), "query")
		require.Empty(t, log.String(), name)
		if test.status != 200 {
			require.ErrorIs(t, result.Err, wherry.ErrClientGone, name)
		}
	}
}

func ignoring(c *wherry.Context) error {
	if err := context.WithoutCancel(c.Context()).Err(); err != nil {
		return err
	}
	return c.Text(200, "all")
}

// TestPanicIsNoLeaving: whatever its value is, and whoever has left.
func TestPanicIsNoLeaving(t *testing.T) {
	app, log := logged()
	app.Get("/", func(*wherry.Context) error { panic(fmt.Errorf("in vain: %w", wherry.ErrClientGone)) })
	require.Equal(t, 500, ask(t, app, get("/")).Status)
	require.Contains(t, log.String(), `msg="wherry: panic" http.request.method=GET http.route=/ in=handler exception.message="in vain: wherry: client has left"`)
	require.Contains(t, log.String(), "exception.stacktrace=")
}

// TestBodyMistakesAreNoFailure: those of the client in its content, also behind
// the head of the answer.
func TestBodyMistakesAreNoFailure(t *testing.T) {
	app, log := logged()
	app.Post("/", func(c *wherry.Context) error {
		_ = c.Flush()
		_, err := c.BodyBytes()
		return err
	}, wherry.BodyLimit(3))
	out, err := wherry.Wire(app, "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabcde\r\n0\r\n\r\n")
	require.NoError(t, err)
	require.False(t, strings.HasSuffix(out, "0\r\n\r\n"), "it is cut")
	require.Empty(t, log.String())
}

// TestLogNamesTheRequest: a failure can be joined to what else is known of it.
func TestLogNamesTheRequest(t *testing.T) {
	app, log := logged()
	app.Use(func(next wherry.Handler) wherry.Handler {
		return func(c *wherry.Context) error {
			c.SetHeader("X-Request-Id", "id-7")
			c.Logger().Info("mine")
			return next(c)
		}
	})
	app.NotFound(func(*wherry.Context) error { return errors.New("no") })
	long := strings.Repeat("a", 600)
	require.Equal(t, 500, ask(t, app, get("/"+long)).Status)
	require.Contains(t, log.String(), "msg=mine")
	require.Contains(t, log.String(), " http.request.method=GET url.path=/"+long[:511]+" request_id=id-7 error.message=no")
}

// TestRefusalsLeaveATrace: hooks can count them by status, and the logger is
// told of them at level Debug.
func TestRefusalsLeaveATrace(t *testing.T) {
	for raw, want := range map[string]int{
		"GET / HTTP/1.1\r\n\r\n":                                    400,
		"GET / HTTP/2.0\r\n\r\n":                                    505,
		"GET /" + strings.Repeat("a", 9000) + " HTTP/1.1\r\n\r\n":   414,
		"GET / HTTP/1.1\r\nHost: x\r\nExpect: miracles\r\n\r\n":     417,
		"GET / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: x\r\n\r\n": 501,
		"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 1, 1\r\n\r\n": 400,
	} {
		for _, level := range []slog.Level{slog.LevelInfo, slog.LevelDebug} {
			status, log := 0, &record{}
			app := wherry.New().Logger(slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: level})))
			app.OnDisconnect(func(_ *wherry.Conn, cause error) { status = wherry.StatusOf(cause) })
			out, err := wherry.Wire(app, raw)
			require.NoError(t, err)
			require.True(t, strings.HasPrefix(out, fmt.Sprintf("HTTP/1.1 %d ", want)), out)
			require.Equal(t, want, status, raw)
			line := fmt.Sprintf(`msg="wherry: request refused" network.peer.address=memory http.response.status_code=%d error.message=`, want)
			require.Equal(t, level == slog.LevelDebug, strings.Contains(log.String(), line), "%s", log)
		}
	}
	app, log := logged()
	addr, stop := serve(t, app.Logger(slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug}))))
	conn := dial(t, addr)
	_, err := io.WriteString(conn, "nonsense\r\n\r\n")
	require.NoError(t, err)
	_, err = io.ReadAll(conn)
	require.NoError(t, err)
	require.NoError(t, stop())
	require.Contains(t, log.String(), "network.peer.address=127.0.0.1 ")
}

// TestHijackedStatus: what the new owner has sent is not known.
func TestHijackedStatus(t *testing.T) {
	results := make(chan wherry.Result, 1)
	app := quiet().Get("/", func(c *wherry.Context) error {
		conn, _, err := c.Status(418).Hijack()
		if err != nil {
			return err
		}
		return conn.Close()
	}).AfterResponse(func(_ *wherry.Context, r wherry.Result) { results <- r })
	addr, stop := serve(t, app)
	conn := dial(t, addr)
	_, err := io.WriteString(conn, get("/"))
	require.NoError(t, err)
	require.Zero(t, (<-results).Status)
	require.NoError(t, conn.Close())
	require.NoError(t, stop())
}

type unsaid struct{ what string }

func (e *unsaid) Error() string { return e.what }

// TestErrorThatPanics: an error that cannot say what it is, such as a nil
// pointer in an error, is a 500 that is logged.
func TestErrorThatPanics(t *testing.T) {
	app, log := logged()
	app.Get("/", func(*wherry.Context) error {
		var e *unsaid
		return e
	})
	require.Equal(t, 500, ask(t, app, get("/")).Status)
	require.Equal(t, 1, strings.Count(log.String(), "request failed"), "%s", log)
}

// TestOwnFailureAroundBody: a handler that makes a failure of its own of a
// client's mistake is logged.
func TestOwnFailureAroundBody(t *testing.T) {
	app, log := logged()
	app.Post("/", func(c *wherry.Context) error {
		_, err := c.BodyBytes()
		return &wherry.Error{Status: 500, Err: err}
	}, wherry.BodyLimit(1))
	require.Equal(t, 500, ask(t, app, "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n").Status)
	require.Equal(t, 1, strings.Count(log.String(), "request failed"), "%s", log)
}

// TestProblemThatCannotBeEncoded: the client gets text, the operator the reason.
func TestProblemThatCannotBeEncoded(t *testing.T) {
	app, log := logged()
	app.Get("/", func(*wherry.Context) error {
		return &wherry.Error{Status: 409, Extensions: map[string]any{"when": make(chan int)}}
	})
	require.Equal(t, 409, ask(t, app, get("/")).Status)
	require.Contains(t, log.String(), "a problem cannot be encoded")
}

// TestStatusCodePreset: middleware sees the status that will be sent.
func TestStatusCodePreset(t *testing.T) {
	seen := []int{}
	app := quiet().
		Use(func(next wherry.Handler) wherry.Handler {
			return func(c *wherry.Context) error {
				err := next(c)
				seen = append(seen, c.StatusCode())
				return err
			}
		}).
		NotFound(func(c *wherry.Context) error {
			_, err := c.WriteString("none")
			return err
		}).
		Get("/there", text("there"))
	require.Equal(t, 404, ask(t, app, get("/")).Status)
	require.Equal(t, 200, ask(t, app, get("/there")).Status)
	require.Equal(t, []int{404, 200}, seen)
}
