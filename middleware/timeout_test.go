package middleware_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"wherry.example/wherry"
	"wherry.example/wherry/middleware"
)

// sleep waits like a database that heeds its context.
func sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func TestTimeout(t *testing.T) {
	for _, test := range []struct {
		name   string
		work   func(c *wherry.Context) error
		status int
	}{
		{"in time", func(c *wherry.Context) error { return sleep(c.Context(), time.Second-1) }, 200},
		{"too late", func(c *wherry.Context) error { return sleep(c.Context(), time.Second+1) }, 503},
		{"wrapped", func(c *wherry.Context) error { return fmt.Errorf("query: %w", sleep(c.Context(), time.Hour)) }, 503},
		{"by its cause", func(c *wherry.Context) error {
			_ = sleep(c.Context(), time.Hour)
			return context.Cause(c.Context())
		}, 503},
		{"late but done", func(c *wherry.Context) error { time.Sleep(time.Minute); return c.Text(200, "") }, 200},
		{"another's deadline", func(*wherry.Context) error { return context.DeadlineExceeded }, 500},
		{"an error of its own", func(c *wherry.Context) error { time.Sleep(time.Minute); return errors.New("disk full") }, 500},
		{"an answer of its own", func(c *wherry.Context) error {
			return &wherry.Error{Status: 404, Err: sleep(c.Context(), time.Hour)}
		}, 404},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				app := wherry.New().Logger(silent()).Use(middleware.Timeout(time.Second)).Get("/", test.work)
				require.Equal(t, test.status, answerTo(t, app, "GET / HTTP/1.1").Status)
			})
		})
	}
}

// TestTimeoutRunsOnce: the handler has ended when the answer is there, so
// nothing writes behind its back. Middleware of echo and gin that ran it on a
// second goroutine had that race.
func TestTimeoutRunsOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ended := false
		app := wherry.New().Logger(silent()).
			Use(middleware.Timeout(time.Second)).
			Get("/", func(c *wherry.Context) error {
				time.Sleep(time.Hour)
				ended = true
				return c.Context().Err()
			})
		require.Equal(t, 503, answerTo(t, app, "GET / HTTP/1.1").Status)
		require.True(t, ended)
	})
}

func TestTimeoutMistakes(t *testing.T) {
	require.Contains(t, mistakeOf(t, middleware.Timeout(0)), "Timeout(0s)")
	require.Contains(t, mistakeOf(t, middleware.Timeout(-1)), "give a positive duration")
}

func ExampleTimeout() {
	app := wherry.New().Logger(silent()).Use(middleware.Timeout(time.Millisecond))
	app.Get("/", func(c *wherry.Context) error {
		return sleep(c.Context(), time.Hour) // give the context to whatever waits
	})
	answers, err := app.Test("GET / HTTP/1.1\r\nHost: example.com\r\nAccept: text/plain\r\n\r\n")
	if err != nil {
		panic(err)
	}
	fmt.Printf("%d %s", answers[0].Status, answers[0].Body)
	// Output: 503 Service Unavailable: The request took too long.
}
