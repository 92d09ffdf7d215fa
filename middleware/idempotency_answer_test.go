package middleware_test

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"maps"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"wherry.example/wherry"
	"wherry.example/wherry/middleware"
)

// idempotent returns an app with one route, and how often its handler ran.
func idempotent(h wherry.Handler, outer ...wherry.Middleware) (*wherry.App, *atomic.Int32) {
	runs := new(atomic.Int32)
	app := wherry.New().Use(outer...).
		Use(middleware.Idempotency(middleware.IdempotencyOptions{Scope: client})).
		Post("/", func(c *wherry.Context) error { runs.Add(1); return h(c) })
	return app, runs
}

// linesOf returns the lines of an answer without those of these names, sorted.
func linesOf(answer *wherry.TestResponse, without ...string) (lines []string) {
	for name, value := range answer.Headers.All() {
		if !slices.Contains(without, name) {
			lines = append(lines, name+": "+value)
		}
	}
	slices.Sort(lines)
	return lines
}

// around sets fields as middleware outside does: the id anew for each request.
func around(next wherry.Handler) wherry.Handler {
	requests := 0
	return func(c *wherry.Context) error {
		requests++
		c.SetHeader("X-Request-Id", fmt.Sprint("id", requests))
		c.SetHeader("Content-Security-Policy", "default-src 'none'")
		c.SetHeader("X-Frame-Options", "DENY")
		c.SetHeader("Vary", "Origin")
		c.AddHeader("Link", "<1>")
		c.AddHeader("Link", "<2>")
		c.AddHeader("Set-Cookie", fmt.Sprint("outer=", requests))
		c.AddHeader("Server-Timing", fmt.Sprint("outer;dur=", requests))
		return next(c)
	}
}

func TestIdempotencyFields(t *testing.T) {
	anew := map[string][]string{"X-Request-Id": {"id2"}, "Set-Cookie": {"outer=2"}, "Server-Timing": {"outer;dur=2"}}
	for name, test := range map[string]struct {
		change   func(h *wherry.Headers)
		replayed map[string][]string // lines that are not those of the first answer, beside those above
	}{
		"nothing":             {change: func(*wherry.Headers) {}},
		"replaced in place":   {change: func(h *wherry.Headers) { h.Set("Content-Security-Policy", "default-src 'self'") }},
		"replaced, same size": {change: func(h *wherry.Headers) { h.Del("X-Frame-Options"); h.Set("Location", "/things/1") }},
		"extended in place":   {change: func(h *wherry.Headers) { h.Set("Vary", h.Get("Vary")+", Accept") }},
		"another case":        {change: func(h *wherry.Headers) { h.Del("x-frame-options"); h.Add("x-frame-options", "SAMEORIGIN") }},
		"removed":             {change: func(h *wherry.Headers) { h.Del("X-Frame-Options"); h.Del("Link") }},
		"one of two removed":  {change: func(h *wherry.Headers) { h.Set("Link", "<1>") }},
		"new":                 {change: func(h *wherry.Headers) { h.Add("Location", "/things/1"); h.Add("A", "1"); h.Add("A", "2") }},
		"its own Date": {
			change:   func(h *wherry.Headers) { h.Set("Date", "Sun, 06 Nov 1994 08:49:37 GMT") },
			replayed: map[string][]string{"Date": {"Sun, 06 Nov 1994 08:49:37 GMT"}},
		},
		"its own id": {
			change:   func(h *wherry.Headers) { h.Set("X-Request-Id", "mine") },
			replayed: map[string][]string{"X-Request-Id": {"mine"}},
		},
		"added behind": {
			change:   func(h *wherry.Headers) { h.Add("Server-Timing", "db;dur=9") },
			replayed: map[string][]string{"Server-Timing": {"outer;dur=2", "db;dur=9"}},
		},
		"of the connection": {
			change: func(h *wherry.Headers) {
				for _, name := range []string{"Connection", "Keep-Alive", "Proxy-Connection", "TE", "Trailer", "Upgrade"} {
					h.Set(name, "close")
				}
			},
			replayed: map[string][]string{"Connection": nil, "Keep-Alive": nil, "Proxy-Connection": nil, "TE": nil, "Trailer": nil, "Upgrade": nil},
		},
		"a cookie": {change: func(h *wherry.Headers) { h.Set("Set-Cookie", "secret=1") }},
	} {
		t.Run(name, func(t *testing.T) {
			app, runs := idempotent(func(c *wherry.Context) error {
				test.change(c.ResponseHeaders())
				return c.Text(201, "made")
			}, around)
			first := answerTo(t, app, keyed("POST", "/", "k", ""))
			again := answerTo(t, app, keyed("POST", "/", "k", ""))
			require.Equal(t, int32(1), runs.Load())
			require.Equal(t, 201, again.Status)
			require.Equal(t, "true", again.Headers.Get("Idempotency-Replayed"))
			want := maps.Clone(anew)
			maps.Copy(want, test.replayed)
			for name, values := range want {
				require.Equal(t, values, again.Headers.Values(name), name)
			}
			others := slices.AppendSeq([]string{"Date", "Idempotency-Replayed"}, maps.Keys(want))
			require.Equal(t, linesOf(first, others...), linesOf(again, others...))
		})
	}
}

// What is repeated is the same answer, whichever way it was given.
func TestIdempotencyContent(t *testing.T) {
	large := strings.Repeat("x", 64<<10)
	for name, test := range map[string]struct {
		handler wherry.Handler
		again   int
	}{
		"text":              {func(c *wherry.Context) error { return c.Text(201, "made") }, 201},
		"written":           {func(c *wherry.Context) error { _, err := c.Write([]byte("no type")); return err }, 200},
		"no type, stated":   {func(c *wherry.Context) error { return c.Bytes(200, "", []byte("x")) }, 200},
		"nothing":           {func(*wherry.Context) error { return nil }, 200},
		"no content":        {func(c *wherry.Context) error { return c.NoContent() }, 204},
		"length of 204":     {func(c *wherry.Context) error { c.SetHeader("Content-Length", "7"); return c.NoContent() }, 204},
		"redirect":          {func(c *wherry.Context) error { return c.Redirect(303, "/made") }, 303},
		"stated length":     {func(c *wherry.Context) error { c.SetHeader("Content-Length", "4"); return c.Text(201, "made") }, 201},
		"failure, answered": {func(c *wherry.Context) error { return c.Text(503, "later") }, 503},
		"64 KiB":            {func(c *wherry.Context) error { return c.Text(200, large) }, 200},
		"more":              {func(c *wherry.Context) error { return c.Text(200, large+"x") }, 409},
		"hijacked": {func(c *wherry.Context) error {
			conn, _, err := c.Hijack()
			if err != nil {
				return err
			}
			_, err = io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
			return errors.Join(err, conn.Close())
		}, 409},
	} {
		t.Run(name, func(t *testing.T) {
			app, runs := idempotent(test.handler)
			first := answerTo(t, app, keyed("POST", "/", "k", ""))
			again := answerTo(t, app, keyed("POST", "/", "k", ""))
			require.Equal(t, int32(1), runs.Load())
			require.Equal(t, test.again, again.Status)
			if test.again == 409 {
				require.Contains(t, string(again.Body), "cannot be repeated")
				return
			}
			require.Equal(t, first.Status, again.Status)
			require.Equal(t, string(first.Body), string(again.Body))
			require.Equal(t, linesOf(first, "Date"), linesOf(again, "Date", "Idempotency-Replayed"))
		})
	}
}

// An answer that the server refuses to send is a failure as any other.
func TestIdempotencyUnsendable(t *testing.T) {
	field := func(name, value string) wherry.Handler {
		return func(c *wherry.Context) error { c.AddHeader(name, value); return c.Text(201, "made") }
	}
	for name, handler := range map[string]wherry.Handler{
		"LF in a field":        field("X", "a\nb"),
		"status too low":       func(c *wherry.Context) error { return c.Text(199, "made") },
		"status too high":      func(c *wherry.Context) error { return c.Text(1000, "made") },
		"another length":       field("Content-Length", "5"),
		"no length":            field("Content-Length", "four"),
		"no length of nothing": func(c *wherry.Context) error { c.SetHeader("Content-Length", "none"); return c.NoContent() },
		"length twice": func(c *wherry.Context) error {
			c.AddHeader("Content-Length", "4")
			return field("Content-Length", "4")(c)
		},
		"a trailer that frames": func(c *wherry.Context) error { c.SetTrailer("Content-Length", "4"); return c.Text(201, "made") },
	} {
		t.Run(name, func(t *testing.T) {
			fails := true
			app, runs := idempotent(func(c *wherry.Context) error {
				if fails {
					return handler(c)
				}
				return c.Text(201, "mended")
			})
			for range 2 {
				require.Equal(t, 500, answerTo(t, app, keyed("POST", "/", "k", "")).Status)
			}
			require.Equal(t, int32(2), runs.Load())
			fails = false
			require.Equal(t, "mended", string(answerTo(t, app, keyed("POST", "/", "k", "")).Body))
		})
	}
}

func TestIdempotencyGoexit(t *testing.T) {
	exits := true
	app, _ := idempotent(func(c *wherry.Context) error {
		if exits {
			runtime.Goexit()
		}
		return hello(c)
	})
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_, _ = app.Test("POST / HTTP/1.1\r\nHost: x\r\nClient: ann\r\nIdempotency-Key: k\r\nContent-Length: 0\r\n\r\n")
		t.Error("the goroutine was to end")
	}()
	<-ended
	exits = false
	require.Equal(t, 200, answerTo(t, app, keyed("POST", "/", "k", "")).Status)
}

// The handler reads the content as if nobody had read it before.
func TestIdempotencyGivesContentBack(t *testing.T) {
	app, _ := idempotent(func(c *wherry.Context) error {
		streamed, err := io.ReadAll(c.Body())
		if err != nil {
			return err
		}
		return c.Text(200, string(streamed))
	})
	require.Equal(t, "content", string(answerTo(t, app, keyed("POST", "/", "k", "content")).Body))

	app, _ = idempotent(func(c *wherry.Context) error {
		whole, err := c.BodyBytes()
		if err != nil {
			return err
		}
		return c.Text(200, fmt.Sprintf("%s %d", whole, c.ContentLength()))
	})
	require.Equal(t, "content 7", string(answerTo(t, app, keyed("POST", "/", "k", "content")).Body))
	require.Equal(t, " 0", string(answerTo(t, app, keyed("POST", "/", "none", "")).Body), "there is nothing to give back")

	var parts []string
	app, _ = idempotent(func(c *wherry.Context) error {
		form, err := c.Multipart()
		if err != nil {
			return err
		}
		for {
			part, err := form.Next()
			if err == io.EOF {
				return c.NoContent()
			}
			if err != nil {
				return err
			}
			parts = append(parts, part.Name)
		}
	})
	content := "--b\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n1\r\n--b--\r\n"
	request := strings.Replace(keyed("POST", "/", "k", content), "\n\n", "\nContent-Type: multipart/form-data; boundary=b\n\n", 1)
	require.Equal(t, 204, answerTo(t, app, request).Status)
	require.Equal(t, []string{"a"}, parts)
}

func TestIdempotencyTellsRequestsApart(t *testing.T) {
	app, _ := idempotent(hello)
	app.Patch("/", hello)
	first := keyed("POST", "/", "k", "content")
	require.Equal(t, 200, answerTo(t, app, first).Status)
	for _, other := range []string{
		keyed("POST", "/", "k", "other"),
		keyed("PATCH", "/", "k", "content"),
		strings.Replace(first, "Client", "Content-Type: text/plain\nClient", 1),
		strings.Replace(first, "Client", "Content-Encoding: br\nClient", 1),
	} {
		require.Equal(t, 422, answerTo(t, app, other).Status, other)
	}
}

// Methods that are idempotent by themselves are left alone.
func TestIdempotencyOtherMethods(t *testing.T) {
	runs := 0
	h := func(c *wherry.Context) error { runs++; return hello(c) }
	app := wherry.New().Use(middleware.Idempotency(middleware.IdempotencyOptions{Scope: client, Required: true})).
		Get("/", h).Put("/", h).Delete("/", h)
	for _, method := range []string{"GET", "HEAD", "PUT", "DELETE"} {
		runs = 0
		for range 2 {
			require.Equal(t, 200, answerTo(t, app, method+" / HTTP/1.1\nIdempotency-Key: k").Status)
		}
		require.Equal(t, 2, runs, method)
	}
}

func TestIdempotencyDuplicatesAtOnce(t *testing.T) {
	const clients = 16
	begun, others := make(chan struct{}), make(chan struct{})
	app, runs := idempotent(func(c *wherry.Context) error {
		close(begun) // a second run panics
		<-others
		return hello(c)
	})
	first := make(chan int)
	go func() { first <- answerTo(t, app, keyed("POST", "/", "k", "1")).Status }()
	<-begun
	var wg sync.WaitGroup
	for i := range clients {
		want, content := 409, "1"
		if i%2 == 1 {
			want, content = 422, "2"
		}
		wg.Go(func() {
			answers, err := app.Test(strings.ReplaceAll(keyed("POST", "/", "k\nHost: example.com", content), "\n", "\r\n"))
			if err != nil || len(answers) != 1 || answers[0].Status != want {
				t.Errorf("content %q: %v, %v, want %d", content, answers, err, want)
			}
		})
	}
	wg.Wait()
	close(others)
	require.Equal(t, 200, <-first)
	require.Equal(t, 200, answerTo(t, app, keyed("POST", "/", "k", "1")).Status)
	require.Equal(t, int32(1), runs.Load())
}

// fickleStore fails where it is told to.
type fickleStore struct {
	middleware.IdempotencyStore
	begin, finish error
	abandoned     int
}

func (s *fickleStore) Begin(ctx context.Context, key string, request [sha256.Size]byte, ttl time.Duration) (*middleware.IdempotencyRecord, error) {
	if err := errors.Join(s.begin, ctx.Err()); err != nil {
		return nil, err
	}
	return s.IdempotencyStore.Begin(ctx, key, request, ttl)
}

func (s *fickleStore) Finish(ctx context.Context, key string, record middleware.IdempotencyRecord, ttl time.Duration) error {
	if err := errors.Join(s.finish, ctx.Err()); err != nil {
		return err
	}
	return s.IdempotencyStore.Finish(ctx, key, record, ttl)
}

func (s *fickleStore) Abandon(ctx context.Context, key string) error {
	s.abandoned++
	return errors.Join(ctx.Err(), s.IdempotencyStore.Abandon(ctx, key))
}

func TestIdempotencyStoreThatFails(t *testing.T) {
	runs := 0
	store := &fickleStore{IdempotencyStore: middleware.NewIdempotencyMemory(0, 0)}
	late := func(next wherry.Handler) wherry.Handler {
		return func(c *wherry.Context) error {
			c.SetDeadline(time.Now().Add(-time.Second), context.DeadlineExceeded)
			return next(c)
		}
	}
	app := wherry.New().Use(late, middleware.Idempotency(middleware.IdempotencyOptions{Scope: client, Store: store})).
		Post("/", func(c *wherry.Context) error { runs++; return hello(c) })

	require.Equal(t, 200, answerTo(t, app, keyed("POST", "/", "late", "")).Status, "the store is not told that the client has left")

	store.begin = errors.New("no")
	require.Equal(t, 500, answerTo(t, app, keyed("POST", "/", "k", "")).Status)
	require.Equal(t, 1, runs, "without a reservation nothing is handled")
	require.Zero(t, store.abandoned, "it may be somebody else's")

	store.begin, store.finish = nil, errors.New("no")
	require.Equal(t, 500, answerTo(t, app, keyed("POST", "/", "k", "")).Status)
	require.Equal(t, 409, answerTo(t, app, keyed("POST", "/", "k", "")).Status, "what was handled is not handled again")
	require.Equal(t, 2, runs)
	require.Zero(t, store.abandoned)
}
