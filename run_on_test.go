package wherry_test

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"net"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"wherry.example/wherry"
)

func openListeners(t *testing.T, n int) (all []net.Listener) {
	for range n {
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		require.NoError(t, err)
		t.Cleanup(func() { _ = ln.Close() })
		all = append(all, ln)
	}
	return all
}

// TestRunOn: all listeners are served until the context is done, and are
// closed then.
func TestRunOn(t *testing.T) {
	listeners := openListeners(t, 3)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- quiet().Get("/", text("hello")).RunOn(ctx, listeners...) }()
	for _, ln := range listeners {
		answer := exchange(t, ln.Addr().String(), "GET / HTTP/1.0\r\n\r\n")
		require.Contains(t, answer, "hello")
	}
	cancel()
	require.NoError(t, <-ended)
	for _, ln := range listeners {
		requireClosed(t, ln)
	}
}

// TestRunOnRefuses: listeners are closed also where none is served.
func TestRunOnRefuses(t *testing.T) {
	for want, test := range map[string]struct {
		app  *wherry.App
		none bool
	}{
		"run_on_test.go": {quiet().Get("/", text("hello")), true},
		`"no-slash"`:     {quiet().Get("no-slash", text("hello")), false},
	} {
		listeners := openListeners(t, 2)
		given := listeners
		if test.none {
			given = append([]net.Listener{nil}, listeners...)
		}
		require.ErrorContains(t, test.app.RunOn(context.Background(), given...), want)
		for _, ln := range listeners {
			requireClosed(t, ln)
		}
	}
}

// TestListenOn: a signal ends it.
func TestListenOn(t *testing.T) {
	ln := openListeners(t, 1)[0]
	ended := make(chan error, 1)
	go func() { ended <- quiet().Get("/", text("hello")).ListenOn(ln) }()
	require.Contains(t, exchange(t, ln.Addr().String(), "GET / HTTP/1.0\r\n\r\n"), "hello")
	self, err := os.FindProcess(os.Getpid())
	require.NoError(t, err)
	require.NoError(t, self.Signal(os.Interrupt))
	select {
	case err := <-ended:
		require.NoError(t, err)
	case <-time.After(patience):
		require.Fail(t, "it goes on")
	}
}

func requireClosed(t *testing.T, ln net.Listener) {
	t.Helper()
	_, err := ln.Accept()
	require.ErrorIs(t, err, net.ErrClosed)
}

// TestDrainIsLogged: when it begins, when it ends, and how many connections
// there were and were cut.
func TestDrainIsLogged(t *testing.T) {
	var log bytes.Buffer // one goroutine writes at a time, and none once RunOn has returned
	ctx, cancel := context.WithCancel(context.Background())
	app := wherry.New().Logger(slog.New(slog.NewTextHandler(&log, nil))).Timeouts(wherry.Timeouts{Shutdown: 10 * time.Millisecond})
	release := make(chan struct{})
	defer close(release)
	app.Get("/", func(*wherry.Context) error {
		cancel()
		<-release
		return nil
	})
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	conn := dial(t, ln.Addr().String())
	_, err = io.WriteString(conn, get("/"))
	require.NoError(t, err)
	require.ErrorContains(t, app.RunOn(ctx, ln), "1 connections were cut")
	require.Regexp(t, `msg="wherry: listening".*\n.*level=INFO msg="wherry: draining" connections=1 within=10ms\n(.*\n)*.*level=INFO msg="wherry: drained" cut=1 took=`, log.String())
}
