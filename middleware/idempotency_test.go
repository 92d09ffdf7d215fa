package middleware_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"wherry.example/wherry"
	"wherry.example/wherry/middleware"
)

func client(c *wherry.Context) string { return c.Header("Client") }

func keyed(method, target, key, content string) string {
	return fmt.Sprintf("%s %s HTTP/1.1\nClient: ann\nIdempotency-Key: %s\nContent-Length: %d\n\n%s", method, target, key, len(content), content)
}

func TestIdempotency(t *testing.T) {
	runs := 0
	app := wherry.New().
		Use(stamp("outer"), middleware.Idempotency(middleware.IdempotencyOptions{Scope: client})).
		Post("/pay", func(c *wherry.Context) error {
			runs++
			c.SetHeader("Location", fmt.Sprint("/payments/", runs))
			c.SetHeader("Set-Cookie", "secret=1")
			return c.JSON(201, runs)
		}).
		Patch("/empty", func(c *wherry.Context) error { runs++; return c.NoContent() }).
		Put("/put", func(c *wherry.Context) error { runs++; return c.NoContent() }).
		Post("/fails", func(c *wherry.Context) error { runs++; return errors.New("no") }).
		Post("/panics", func(c *wherry.Context) error { runs++; panic("no") }).
		Post("/streams", func(c *wherry.Context) error { runs++; return c.Flush() })

	first := answerTo(t, app, keyed("POST", "/pay", "k1", "10"))
	require.Equal(t, 201, first.Status)
	again := answerTo(t, app, keyed("POST", "/pay", "k1", "10"))
	require.Equal(t, 1, runs)
	require.Equal(t, 201, again.Status)
	require.Equal(t, first.Body, again.Body)
	require.Equal(t, "/payments/1", again.Headers.Get("Location"))
	require.Equal(t, "application/json", again.Headers.Get("Content-Type"))
	require.Equal(t, "true", again.Headers.Get("Idempotency-Replayed"))
	require.Equal(t, []string{"outer"}, again.Headers.Values("Stamp"), "what stands outside speaks for itself")
	require.False(t, again.Headers.Has("Set-Cookie"))

	require.Equal(t, 422, answerTo(t, app, keyed("POST", "/pay", "k1", "11")).Status)
	require.Equal(t, 422, answerTo(t, app, keyed("POST", "/pay?x", "k1", "10")).Status)
	other := strings.Replace(keyed("POST", "/pay", "k1", "10"), "ann", "bob", 1)
	require.Equal(t, "2", strings.TrimSpace(string(answerTo(t, app, other).Body)), "bob never gets what ann got")
	nobody := strings.Replace(keyed("POST", "/pay", "k1", "10"), "ann", "", 1)
	require.Equal(t, 403, answerTo(t, app, nobody).Status)

	for _, test := range []struct {
		method, target string
		runs           int
		statuses       [2]int
	}{
		{"PATCH", "/empty", 1, [2]int{204, 204}},
		{"PUT", "/put", 2, [2]int{204, 204}},
		{"POST", "/fails", 2, [2]int{500, 500}},
		{"POST", "/panics", 2, [2]int{500, 500}},
		{"POST", "/streams", 1, [2]int{200, 409}},
	} {
		runs = 0
		for i := range 2 {
			require.Equal(t, test.statuses[i], answerTo(t, app, keyed(test.method, test.target, "k"+test.target, "")).Status, test.target)
		}
		require.Equal(t, test.runs, runs, test.target)
	}
}

func TestIdempotencyKey(t *testing.T) {
	app := func(required bool) *wherry.App {
		return wherry.New().Use(middleware.Idempotency(middleware.IdempotencyOptions{Scope: client, Required: required})).Post("/", hello)
	}
	require.Equal(t, 200, answerTo(t, app(false), "POST / HTTP/1.1\nClient: a").Status)
	require.Equal(t, 400, answerTo(t, app(true), "POST / HTTP/1.1\nClient: a").Status)
	for _, lines := range []string{"Idempotency-Key:", "Idempotency-Key: a b", "Idempotency-Key: " + strings.Repeat("x", 256),
		"Idempotency-Key: a\nIdempotency-Key: a", "Idempotency-Key: ä"} {
		require.Equal(t, 400, answerTo(t, app(false), "POST / HTTP/1.1\nClient: a\n"+lines).Status, lines)
	}
	require.Equal(t, 200, answerTo(t, app(true), keyed("POST", "/", strings.Repeat("x", 255), "")).Status)
}

func TestIdempotencyInFlightAndExpiry(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		runs := 0
		app := wherry.New().
			Use(middleware.Idempotency(middleware.IdempotencyOptions{Scope: client, TTL: time.Hour})).
			Post("/", func(c *wherry.Context) error {
				runs++
				time.Sleep(time.Second)
				return hello(c)
			})
		done := make(chan int)
		go func() { done <- answerTo(t, app, keyed("POST", "/", "k", "")).Status }()
		synctest.Wait()
		require.Equal(t, 409, answerTo(t, app, keyed("POST", "/", "k", "")).Status)
		require.Equal(t, 200, <-done)
		require.Equal(t, 200, answerTo(t, app, keyed("POST", "/", "k", "")).Status)
		require.Equal(t, 1, runs)
		time.Sleep(time.Hour)
		require.Equal(t, 200, answerTo(t, app, keyed("POST", "/", "k", "")).Status)
		require.Equal(t, 2, runs)
	})
}

func TestIdempotencyMemoryBounds(t *testing.T) {
	ctx := context.Background()
	var request [32]byte
	m := middleware.NewIdempotencyMemory(3, 10_000)
	for _, key := range []string{"a", "b", "c"} {
		kept, err := m.Begin(ctx, key, request, time.Hour)
		require.NoError(t, err)
		require.Nil(t, kept)
	}
	_, err := m.Begin(ctx, "d", request, time.Hour)
	require.ErrorContains(t, err, "full", "what is in flight is not forgotten")
	answer := middleware.IdempotencyRecord{Done: true, Status: 200, Content: make([]byte, 9_000)}
	require.NoError(t, m.Finish(ctx, "b", answer, time.Hour))
	kept, err := m.Begin(ctx, "b", request, time.Hour)
	require.NoError(t, err)
	require.Equal(t, 200, kept.Status)
	require.NoError(t, m.Finish(ctx, "c", answer, time.Hour)) // takes the place of b
	require.Equal(t, 2, m.Len())
	answer.Content = make([]byte, 20_000)
	require.NoError(t, m.Finish(ctx, "a", answer, time.Hour))
	kept, err = m.Begin(ctx, "a", request, time.Hour)
	require.NoError(t, err)
	require.True(t, kept.Done, "it is known to be done")
	require.Zero(t, kept.Status, "and cannot be repeated")
	for i := range 100 {
		key := fmt.Sprint(i)
		_, err := m.Begin(ctx, key, request, time.Hour)
		require.NoError(t, err)
		require.NoError(t, m.Finish(ctx, key, middleware.IdempotencyRecord{Done: true, Status: 200}, time.Hour))
	}
	require.Equal(t, 3, m.Len())
}

func TestIdempotencyMistakes(t *testing.T) {
	require.Contains(t, mistakeOf(t, middleware.Idempotency(middleware.IdempotencyOptions{})), "Scope is missing")
	require.Contains(t, mistakeOf(t, middleware.Idempotency(middleware.IdempotencyOptions{Scope: client, TTL: -1})), "TTL")
}

func ExampleIdempotency() {
	payments := 0
	app := wherry.New().
		Use(middleware.Idempotency(middleware.IdempotencyOptions{
			Scope: func(c *wherry.Context) string { return "ann" }, // who has passed authentication
		})).
		Post("/payments", func(c *wherry.Context) error {
			payments++
			return c.Text(201, fmt.Sprint("payment ", payments))
		})
	for range 2 {
		answers, err := app.Test("POST /payments HTTP/1.1\r\nHost: example.com\r\nIdempotency-Key: 8e03978e\r\nContent-Length: 2\r\n\r\n10")
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(string(answers[0].Body))
	}
	// Output:
	// payment 1
	// payment 1
}
