package sse_test

import (
	"context"
	"errors"
	"io"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"wherry.example/wherry"
	"wherry.example/wherry/middleware"
	"wherry.example/wherry/sse"
)

func streaming(o sse.Options, f func(*sse.Stream) error) *wherry.App {
	return wherry.New().Get("/", sse.Handler(o, f))
}

// untilGone waits for the end of a stream.
func untilGone(s *sse.Stream) error {
	for range sse.Each(s, make(chan int)) {
	}
	return s.Err()
}

func TestStreamHeadLeavesAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		app := streaming(sse.Options{Retry: 2 * time.Second}, untilGone)
		app.Use(middleware.Compress(middleware.CompressOptions{MinBytes: 1}))
		start := time.Now()
		s := overPipes(t, app).open("Accept-Encoding: gzip")
		require.Zero(t, time.Since(start))
		require.Equal(t, 200, s.StatusCode)
		require.Equal(t, "text/event-stream", s.Header.Get("Content-Type"))
		require.Equal(t, "no-cache, no-transform", s.Header.Get("Cache-Control"))
		require.Equal(t, "no", s.Header.Get("X-Accel-Buffering"))
		require.Empty(t, s.Header.Get("Content-Encoding"))
		require.EqualValues(t, -1, s.ContentLength)
		require.Equal(t, "retry: 2000\n", s.next())
		_ = s.conn.Close()
	})
}

func TestStreamHeartbeats(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		values := make(chan string)
		app := streaming(sse.Options{}, func(s *sse.Stream) error {
			for v := range sse.Each(s, values) {
				if err := s.Send(sse.Event{Data: v}); err != nil {
					return err
				}
			}
			return s.Err()
		})
		s := overPipes(t, app).open()
		start := time.Now()
		for i := range 3 {
			require.Equal(t, ":\n", s.next())
			require.Equal(t, time.Duration(i+1)*15*time.Second, time.Since(start))
		}
		time.Sleep(10 * time.Second)
		values <- "a"
		require.Equal(t, "data: a\n", s.next())
		require.Equal(t, ":\n", s.next(), "an event puts the next heartbeat off")
		require.Equal(t, 70*time.Second, time.Since(start))
		close(values)
		require.Equal(t, ": closing\n\n", s.end())
	})
}

func TestStreamWithoutHeartbeats(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		app := streaming(sse.Options{Heartbeat: wherry.NoLimit}, func(s *sse.Stream) error {
			require.True(t, s.Wait(time.Hour))
			return s.Comment("an hour\nhas passed")
		})
		s := overPipes(t, app).open()
		require.Equal(t, ":an hour\n:has passed\n\n", s.end())
	})
}

func TestStreamWaitBeats(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		app := streaming(sse.Options{Heartbeat: 20 * time.Second}, func(s *sse.Stream) error {
			require.True(t, s.Wait(50*time.Second))
			return s.Send(sse.Event{Data: "a"})
		})
		s := overPipes(t, app).open()
		start := time.Now()
		require.Equal(t, ":\n\n:\n\ndata: a\n\n", s.end())
		require.Equal(t, 50*time.Second, time.Since(start))
	})
}

func TestStreamEndsInGoodOrder(t *testing.T) {
	until, end := context.WithCancel(context.Background())
	result := make(chan error, 1)
	app := streaming(sse.Options{Until: until.Done()}, func(s *sse.Stream) error {
		err := untilGone(s)
		require.ErrorIs(t, s.Send(sse.Event{Data: "late"}), sse.ErrClosed)
		require.False(t, s.Wait(time.Hour))
		result <- err
		return sse.ErrClosed // as Send would say it
	})
	app.OnShutdown(end)
	server := overTCP(t, app)
	s := server.open()
	go server.stop()
	require.Equal(t, ": closing\n\n", s.end())
	require.NoError(t, <-result)
	server.stop()
	require.NoError(t, server.told, "the shutdown has not run out of time")
	require.Empty(t, server.logs.String())
}

// A handler that is always busy learns of the end as well.
func TestStreamUntilStopsABusyHandler(t *testing.T) {
	until := make(chan struct{})
	app := streaming(sse.Options{Until: until}, func(s *sse.Stream) error {
		for {
			if err := s.Send(sse.Event{Data: "a"}); err != nil {
				return err
			}
		}
	})
	s := overTCP(t, app).open()
	require.Equal(t, "data: a\n", s.next())
	close(until)
	require.True(t, strings.HasSuffix(s.end(), ": closing\n\n"))
}

func TestStreamForcedShutdown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		result := make(chan error, 1)
		app := streaming(sse.Options{Heartbeat: wherry.NoLimit}, func(s *sse.Stream) error {
			err := untilGone(s)
			result <- err
			return err
		})
		server := overPipes(t, app)
		s := server.open()
		go func() { _, _ = io.Copy(io.Discard, s.conn) }()
		start := time.Now()
		server.stop()
		require.Error(t, server.told)
		require.Equal(t, patience, time.Since(start))
		require.NoError(t, <-result)
		require.Empty(t, server.logs.String())
	})
}

// The engine tells at once that the client has left: no heartbeat is due for
// an hour.
func TestStreamClientLeaves(t *testing.T) {
	result := make(chan error, 1)
	app := streaming(sse.Options{Heartbeat: time.Hour}, func(s *sse.Stream) error {
		err := untilGone(s)
		result <- err
		return err
	})
	server := overTCP(t, app)
	s := server.open()
	require.NoError(t, s.conn.Close())
	select {
	case err := <-result:
		require.ErrorIs(t, err, wherry.ErrClientGone)
	case <-time.After(patience):
		require.Fail(t, "the handler does not notice")
	}
	server.stop()
	require.Empty(t, server.logs.String())
}

// A connection that cannot tell, here because another request has begun, is
// found dead by the next heartbeat.
func TestStreamHeartbeatFindsTheDead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		result := make(chan error, 1)
		app := streaming(sse.Options{}, func(s *sse.Stream) error {
			err := untilGone(s)
			require.Equal(t, err, s.Send(sse.Event{Data: "late"}), "the error stays")
			result <- err
			return err
		})
		server := overPipes(t, app)
		s := server.open()
		_, err := io.WriteString(s.conn, "G")
		require.NoError(t, err)
		synctest.Wait()
		require.NoError(t, s.conn.Close())
		start := time.Now()
		require.Error(t, <-result)
		require.Equal(t, 15*time.Second, time.Since(start))
		server.stop()
		require.Empty(t, server.logs.String())
	})
}

func TestStreamWriteStall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		result := make(chan error, 1)
		app := streaming(sse.Options{Heartbeat: wherry.NoLimit}, func(s *sse.Stream) error {
			err := s.Send(sse.Event{Data: "nobody reads this"})
			result <- err
			return err
		})
		app.Timeouts(wherry.Timeouts{WriteStall: 7 * time.Second})
		server := overPipes(t, app)
		server.open()
		start := time.Now()
		err := <-result
		require.ErrorIs(t, err, os.ErrDeadlineExceeded)
		require.Equal(t, 7*time.Second, time.Since(start))
	})
}

func TestStreamOutlivesTheLimits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		app := streaming(sse.Options{}, func(s *sse.Stream) error {
			for range 20 {
				if !s.Wait(time.Minute) {
					break
				}
				if err := s.Send(sse.Event{Data: "a"}); err != nil {
					return err
				}
			}
			return s.Err()
		})
		s := overPipes(t, app).open()
		require.Len(t, interpret(s.end()).dispatched, 20)
	})
}

func TestStreamRefusesFields(t *testing.T) {
	app := streaming(sse.Options{}, func(s *sse.Stream) error {
		require.ErrorIs(t, s.Send(sse.Event{Data: "a", Name: "a\ndata: forged"}), sse.ErrField)
		return s.Send(sse.Event{Data: "b"})
	})
	require.Equal(t, "data: b\n\n", string(only(t, app, "GET / HTTP/1.1", "Host: x").Body))
}

func TestStreamLastEventID(t *testing.T) {
	for _, test := range []struct {
		target, field, want string
		fromQuery           bool
	}{
		{"/", "Last-Event-ID: a 7", "a 7", false},
		{"/?lastEventId=q", "X: y", "", false},
		{"/?lastEventId=q%207", "X: y", "q 7", true},
		{"/?lastEventId=q", "Last-Event-ID: 7", "7", true},
	} {
		app := streaming(sse.Options{QueryID: test.fromQuery}, func(s *sse.Stream) error {
			return s.Send(sse.Event{Data: s.LastEventID()})
		})
		got := only(t, app, "GET "+test.target+" HTTP/1.1", "Host: x", test.field)
		require.Equal(t, "data: "+test.want+"\n\n", string(got.Body))
	}
}

func TestStreamHead(t *testing.T) {
	handler := func(c *wherry.Context) error {
		s, err := sse.New(c, sse.Options{})
		require.NoError(t, err)
		return untilGone(s)
	}
	app := wherry.New().Get("/", handler).Get("/handler", sse.Handler(sse.Options{}, func(*sse.Stream) error {
		return errors.New("must not be called")
	}))
	for _, path := range []string{"/", "/handler"} {
		got := only(t, app, "HEAD "+path+" HTTP/1.1", "Host: x")
		require.Equal(t, 200, got.Status)
		require.Equal(t, "text/event-stream", got.Headers.Get("Content-Type"))
	}
}

func TestStreamToHTTP10(t *testing.T) {
	app := streaming(sse.Options{}, func(s *sse.Stream) error { return s.Send(sse.Event{Data: "a"}) })
	got := only(t, app, "GET / HTTP/1.0")
	require.Equal(t, "data: a\n\n", string(got.Body))
	require.Equal(t, "close", got.Headers.Get("Connection"))
}

func TestStreamAfterTheHead(t *testing.T) {
	app := wherry.New().Get("/", func(c *wherry.Context) error {
		require.NoError(t, c.Flush())
		_, err := sse.New(c, sse.Options{})
		require.ErrorContains(t, err, "already begun")
		return nil
	})
	require.Empty(t, only(t, app, "GET / HTTP/1.1", "Host: x").Body)
}

func TestStreamMistakes(t *testing.T) {
	for want, o := range map[string]sse.Options{
		"Options.Retry is -1s":     {Retry: -time.Second},
		"Options.Heartbeat is -1s": {Heartbeat: -time.Second},
	} {
		require.ErrorContains(t, streaming(o, untilGone).Build(), want)
		app := wherry.New().Get("/", func(c *wherry.Context) error {
			_, err := sse.New(c, o)
			require.ErrorContains(t, err, want)
			return c.NoContent()
		})
		require.Equal(t, 204, only(t, app, "GET / HTTP/1.1", "Host: x").Status)
	}
}

func only(t *testing.T, app *wherry.App, lines ...string) *wherry.TestResponse {
	t.Helper()
	answers, err := app.Test(strings.Join(lines, "\r\n") + "\r\n\r\n")
	require.NoError(t, err)
	require.Len(t, answers, 1)
	return answers[0]
}
