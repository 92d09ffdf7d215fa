package middleware_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"wherry.example/wherry"
	"wherry.example/wherry/middleware"
)

func silent() *slog.Logger { return slog.New(slog.DiscardHandler) }

func TestRecover(t *testing.T) {
	var log bytes.Buffer
	var core bytes.Buffer
	app := wherry.New().Logger(slog.New(slog.NewTextHandler(&core, nil))).
		Use(middleware.RequestID(middleware.RequestIDOptions{New: func() string { return "id-7" }}),
			middleware.Recover(middleware.RecoverOptions{Logger: slog.New(slog.NewTextHandler(&log, nil))})).
		Get("/users/:id", func(c *wherry.Context) error { panic("the secret") })
	answer := answerTo(t, app, "GET /users/7 HTTP/1.1")
	require.Equal(t, 500, answer.Status)
	require.NotContains(t, string(answer.Body), "secret")
	require.NotContains(t, string(answer.Body), "goroutine")
	for _, part := range []string{"the secret", "/users/:id", "request_id=id-7", "recover_test.go", "http.request.method=GET"} {
		require.Contains(t, log.String(), part)
	}
	require.Equal(t, 1, strings.Count(log.String(), "\n"))
	require.Empty(t, core.String(), "reported once")
}

// TestRecoverOfTheApp: without a logger it is that of the app.
func TestRecoverOfTheApp(t *testing.T) {
	var log bytes.Buffer
	app := wherry.New().Logger(slog.New(slog.NewTextHandler(&log, nil))).Use(middleware.Recover()).
		Get("/", func(c *wherry.Context) error { panic(errors.New("boom")) })
	require.Equal(t, 500, answerTo(t, app, "GET / HTTP/1.1").Status)
	require.Contains(t, log.String(), "msg=panic http.request.method=GET http.route=/ exception.message=boom exception.stacktrace=")
	require.Equal(t, 1, strings.Count(log.String(), "level=ERROR"))
}

func TestRecoverOptions(t *testing.T) {
	cause := errors.New("cause")
	var reported *wherry.PanicError
	app := wherry.New().
		Use(middleware.Recover(middleware.RecoverOptions{
			Report: func(_ *wherry.Context, p *wherry.PanicError) { reported = p },
			Error: func(c *wherry.Context, p *wherry.PanicError) error {
				if c.Path() == "/nil" {
					return nil
				}
				return &wherry.Error{Status: 503, Detail: "Sorry.", Err: p}
			},
		})).
		Get("/nil", func(*wherry.Context) error { panic(nil) }).
		Get("/", func(c *wherry.Context) error {
			c.SetHeader("Content-Encoding", "gzip")
			_ = c.Text(200, "half")
			panic(cause)
		})
	answer := answerTo(t, app, "GET / HTTP/1.1")
	require.Equal(t, 503, answer.Status)
	require.Contains(t, string(answer.Body), "Sorry.")
	require.False(t, answer.Headers.Has("Content-Encoding"), "what was said of other content is gone")
	require.ErrorIs(t, reported, cause)
	require.NotEmpty(t, reported.Stack)
	require.Equal(t, 500, answerTo(t, app, "GET /nil HTTP/1.1").Status)
}

// TestRecoverAfterHead: half an answer is cut, not completed with an error.
func TestRecoverAfterHead(t *testing.T) {
	asked := false
	app := wherry.New().
		Use(middleware.Recover(middleware.RecoverOptions{
			Logger: silent(),
			Error:  func(*wherry.Context, *wherry.PanicError) error { asked = true; return nil },
		})).
		Get("/", func(c *wherry.Context) error {
			_, _ = io.WriteString(c, "half")
			_ = c.Flush()
			panic("late")
		})
	answers, err := app.Test("GET / HTTP/1.1\r\nHost: x\r\n\r\nGET / HTTP/1.1\r\nHost: x\r\n\r\n")
	require.Error(t, err, "the last chunk is missing")
	require.Less(t, len(answers), 2, "behind a cut nothing is answered")
	for _, answer := range answers { // as much of it as came
		require.Equal(t, 200, answer.Status)
		require.Equal(t, "half", string(answer.Body))
	}
	require.False(t, asked)
}

// TestRecoverDrop: what asks for the connection to be closed is no failure.
func TestRecoverDrop(t *testing.T) {
	reports := 0
	app := wherry.New().
		Use(middleware.Recover(middleware.RecoverOptions{Report: func(*wherry.Context, *wherry.PanicError) { reports++ }})).
		Get("/", func(*wherry.Context) error { panic(fmt.Errorf("enough: %w", wherry.ErrDrop)) })
	answers, err := app.Test("GET / HTTP/1.1\r\nHost: x\r\n\r\n")
	require.NoError(t, err)
	require.Empty(t, answers)
	require.Zero(t, reports)
}

func TestRecoverMistakes(t *testing.T) {
	require.Contains(t, mistakeOf(t, middleware.Recover(middleware.RecoverOptions{}, middleware.RecoverOptions{})), "Recover: options are given 2 times")
}

func ExampleRecover() {
	app := wherry.New().
		Use(middleware.Recover(middleware.RecoverOptions{
			Report: func(c *wherry.Context, p *wherry.PanicError) { fmt.Println("to the operator:", c.Pattern(), p.Value) },
		})).
		Get("/", func(*wherry.Context) error { panic("no such thing") })
	answers, err := app.Test("GET / HTTP/1.1\r\nHost: example.com\r\nAccept: text/plain\r\n\r\n")
	if err != nil {
		panic(err)
	}
	fmt.Printf("to the client: %d %s", answers[0].Status, answers[0].Body)
	// Output:
	// to the operator: / no such thing
	// to the client: 500 Internal Server Error
}
