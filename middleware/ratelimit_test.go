package middleware_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"wherry.example/wherry"
	"wherry.example/wherry/middleware"
)

func byPath(c *wherry.Context) string { return c.Path() }

func anyPath(o middleware.RateLimitOptions) *wherry.App {
	return wherry.New().Use(middleware.RateLimit(o)).Get("/**", hello)
}

func TestRateLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		app := anyPath(middleware.RateLimitOptions{Requests: 6, Per: time.Minute, Burst: 3})
		ask := func() *wherry.TestResponse { return answerTo(t, app, "GET / HTTP/1.1") }
		for _, want := range []string{`"default";r=2;t=10`, `"default";r=1;t=20`, `"default";r=0;t=30`} {
			answer := ask()
			require.Equal(t, 200, answer.Status)
			require.Equal(t, want, answer.Headers.Get("RateLimit"))
			require.Equal(t, `"default";q=6;w=60`, answer.Headers.Get("RateLimit-Policy"))
			require.False(t, answer.Headers.Has("Retry-After"))
		}
		for range 5 { // refusals use nothing up
			answer := ask()
			require.Equal(t, 429, answer.Status)
			require.Equal(t, `"default";r=0;t=30`, answer.Headers.Get("RateLimit"))
			require.Equal(t, "10", answer.Headers.Get("Retry-After"))
		}
		time.Sleep(10*time.Second - time.Nanosecond)
		require.Equal(t, "1", ask().Headers.Get("Retry-After"), "rounded up")
		time.Sleep(time.Nanosecond)
		require.Equal(t, 200, ask().Status)
		require.Equal(t, 429, ask().Status)
		time.Sleep(time.Hour)
		passed := 0
		for range 10 {
			if ask().Status == 200 {
				passed++
			}
		}
		require.Equal(t, 3, passed, "a pause saves up a burst, no more")
	})
}

// TestRateLimitNoEdge: no window's edge lets twice as many pass.
func TestRateLimitNoEdge(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		app := anyPath(middleware.RateLimitOptions{Requests: 60})
		passed := 0
		for range 600 { // ten a second for a minute
			if answerTo(t, app, "GET / HTTP/1.1").Status == 200 {
				passed++
			}
			time.Sleep(100 * time.Millisecond)
		}
		require.InDelta(t, 120, passed, 1, "a burst and a minute's worth")
	})
}

func TestRateLimitClients(t *testing.T) {
	from := func(mw wherry.Middleware, remote string, fields ...string) int {
		app := wherry.New().Use(middleware.ClientIP(middleware.ClientIPOptions{TrustedProxies: prefixes("10.0.0.0/8")}), mw).Get("/", hello)
		return over(t, app, tcp(remote), "GET / HTTP/1.1\r\nHost: x\r\n"+strings.Join(fields, "")+"\r\n")[0].StatusCode
	}
	mw := middleware.RateLimit(middleware.RateLimitOptions{Requests: 1, Per: time.Hour})
	require.Equal(t, 200, from(mw, "192.0.2.1"))
	require.Equal(t, 429, from(mw, "192.0.2.1", "X-Forwarded-For: 203.0.113.9\r\n"), "a client cannot name itself")
	require.Equal(t, 429, from(mw, "::ffff:192.0.2.1"), "the same in another form")
	require.Equal(t, 200, from(mw, "192.0.2.2"))
	require.Equal(t, 200, from(mw, "10.0.0.1", "X-Forwarded-For: 203.0.113.9\r\n"))
	require.Equal(t, 200, from(mw, "10.0.0.1", "X-Forwarded-For: 203.0.113.8\r\n"))
	require.Equal(t, 429, from(mw, "10.0.0.2", "X-Forwarded-For: 203.0.113.9\r\n"))
	// One subscriber has a whole /64.
	require.Equal(t, 200, from(mw, "2001:db8:1:2::1"))
	require.Equal(t, 429, from(mw, "2001:db8:1:2:ffff::9"))
	require.Equal(t, 200, from(mw, "2001:db8:1:3::1"))
	// Behind a translator all of IPv4 is in one /64.
	require.Equal(t, 200, from(mw, "64:ff9b::192.0.2.77"))
	require.Equal(t, 200, from(mw, "64:ff9b::192.0.2.78"))
	require.Equal(t, 429, from(mw, "64:ff9b::192.0.2.77"))
}

// TestRateLimitUnknown: clients without an address are one, not unlimited.
func TestRateLimitUnknown(t *testing.T) {
	app := anyPath(middleware.RateLimitOptions{Requests: 1})
	require.Equal(t, 200, answerTo(t, app, "GET / HTTP/1.1").Status)
	require.Equal(t, 429, answerTo(t, app, "GET / HTTP/1.1").Status)
}

func TestRateLimitKey(t *testing.T) {
	app := anyPath(middleware.RateLimitOptions{Requests: 1, Key: func(c *wherry.Context) string { return strings.TrimPrefix(c.Path(), "/") }})
	for _, test := range []struct {
		path   string
		status int
	}{{"/a", 200}, {"/a", 429}, {"/b", 200}, {"/", 200}, {"/", 200}, {"/b", 429}} {
		answer := answerTo(t, app, "GET "+test.path+" HTTP/1.1")
		require.Equal(t, test.status, answer.Status, test.path)
		require.Equal(t, test.path != "/", answer.Headers.Has("RateLimit"))
	}
}

// TestRateLimitBounded: however many clients come, the memory is the same, and
// who asks much is not forgotten.
func TestRateLimitBounded(t *testing.T) {
	app := anyPath(middleware.RateLimitOptions{Requests: 1000, Per: 1000 * time.Hour, Burst: 100, Clients: 64, Key: byPath})
	ask := func(path string) int { return answerTo(t, app, "GET "+path+" HTTP/1.1").Status }
	for range 100 {
		require.Equal(t, 200, ask("/heavy"))
	}
	require.Equal(t, 429, ask("/heavy"))
	heap := func() uint64 {
		var m runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	before := heap()
	for i := range 20_000 {
		require.Equal(t, 200, ask("/"+strconv.Itoa(i)))
	}
	require.Eventually(t, func() bool { return heap() < before+200<<10 }, 30*time.Second, 10*time.Millisecond, "20,000 clients more")
	require.Equal(t, 429, ask("/heavy"))
}

func TestRateLimitFieldSets(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ask := func(set middleware.RateLimitFieldSet) *wherry.Headers {
			app := anyPath(middleware.RateLimitOptions{Requests: 1, Per: 90 * time.Second, Name: "login", Fields: set})
			require.Equal(t, 200, answerTo(t, app, "GET / HTTP/1.1").Status)
			answer := answerTo(t, app, "GET / HTTP/1.1")
			require.Equal(t, 429, answer.Status)
			require.Equal(t, "90", answer.Headers.Get("Retry-After"))
			return answer.Headers
		}
		h := ask(middleware.RateLimitFields)
		require.Equal(t, `"login";q=1;w=90`, h.Get("RateLimit-Policy"))
		require.Equal(t, `"login";r=0;t=90`, h.Get("RateLimit"))
		require.False(t, h.Has("X-RateLimit-Limit"))
		h = ask(middleware.RateLimitLegacyFields)
		require.Equal(t, []string{"1", "0", "90"}, []string{h.Get("X-RateLimit-Limit"), h.Get("X-RateLimit-Remaining"), h.Get("X-RateLimit-Reset")})
		require.False(t, h.Has("RateLimit"))
		h = ask(middleware.RateLimitNoFields)
		require.False(t, h.Has("RateLimit") || h.Has("X-RateLimit-Limit"))
	})
}

// TestRateLimitTwo: both policies are told.
func TestRateLimitTwo(t *testing.T) {
	app := wherry.New().
		Use(middleware.RateLimit(middleware.RateLimitOptions{Requests: 9})).
		Get("/login", hello, wherry.With(middleware.RateLimit(middleware.RateLimitOptions{Requests: 1, Name: "login"})))
	require.Equal(t, 200, answerTo(t, app, "GET /login HTTP/1.1").Status)
	answer := answerTo(t, app, "GET /login HTTP/1.1")
	require.Equal(t, 429, answer.Status)
	require.Equal(t, []string{`"default";q=9;w=60`, `"login";q=1;w=60`}, answer.Headers.Values("RateLimit-Policy"))
	require.Len(t, answer.Headers.Values("RateLimit"), 2)
}

// countingStore refuses every second request of a key.
type countingStore struct {
	taken map[string]int
	rate  middleware.Rate
	err   error
}

func (s *countingStore) Take(_ context.Context, key string, rate middleware.Rate) (middleware.Taken, error) {
	s.taken[key]++
	s.rate = rate
	return middleware.Taken{OK: s.taken[key]%2 == 1, RetryAfter: 1500 * time.Millisecond}, s.err
}

func TestRateLimitStore(t *testing.T) {
	store := &countingStore{taken: map[string]int{}}
	var failure error
	o := middleware.RateLimitOptions{Requests: 5, Burst: 2, Store: store, StoreFailed: func(_ *wherry.Context, err error) error {
		if failure == nil {
			return nil
		}
		return fmt.Errorf("%w: %w", failure, err)
	}}
	newApp := func() *wherry.App { return wherry.New().Logger(silent()).Use(middleware.RateLimit(o)).Get("/", hello) }
	request := "GET / HTTP/1.1\r\nHost: x\r\n\r\n"
	answers := over(t, newApp(), tcp("192.0.2.1"), request, request)
	require.Equal(t, []int{200, 429}, []int{answers[0].StatusCode, answers[1].StatusCode})
	require.Equal(t, "2", answers[1].Header.Get("Retry-After"))
	over(t, newApp(), tcp("2001:db8:1:2::7"), request)
	require.Equal(t, map[string]int{"192.0.2.1/32": 2, "2001:db8:1:2::/64": 1}, store.taken)
	require.Equal(t, middleware.Rate{Requests: 5, Per: time.Minute, Burst: 2}, store.rate)

	store.err = errors.New("connection refused")
	answers = over(t, newApp(), tcp("192.0.2.1"), request, request)
	require.Equal(t, []int{200, 200}, []int{answers[0].StatusCode, answers[1].StatusCode}, "let pass")
	require.Empty(t, answers[0].Header.Get("RateLimit"), "nothing is known")
	failure = wherry.NewError(503, "")
	require.Equal(t, 503, over(t, newApp(), tcp("192.0.2.1"), request)[0].StatusCode)
}

func TestRateLimitMistakes(t *testing.T) {
	for want, o := range map[string]middleware.RateLimitOptions{
		"Requests is 0":                    {},
		"Requests is -1":                   {Requests: -1},
		"Per is -1s":                       {Requests: 1, Per: -time.Second},
		"Requests is 2 in 1ns":             {Requests: 2, Per: 1},
		"Burst is -1":                      {Requests: 1, Burst: -1},
		"Burst is 9223372036854775807":     {Requests: 1, Burst: 1<<63 - 1},
		"Clients is -1":                    {Requests: 1, Clients: -1},
		"Clients is 67108865":              {Requests: 1, Clients: 1<<26 + 1},
		"StoreFailed is missing":           {Requests: 1, Store: &countingStore{}},
		"Fields is 9":                      {Requests: 1, Fields: 9},
		`Name "a b" is no token`:           {Requests: 1, Name: "a b"},
		`Name "` + strings.Repeat("a", 33): {Requests: 1, Name: strings.Repeat("a", 33)},
	} {
		require.Contains(t, mistakeOf(t, middleware.RateLimit(o)), want)
	}
}

func ExampleRateLimit() {
	app := wherry.New().
		Use(middleware.ClientIP(), middleware.RateLimit(middleware.RateLimitOptions{Requests: 60, Burst: 2})).
		Get("/", func(c *wherry.Context) error { return c.NoContent() })
	for range 3 {
		answers, err := app.Test("GET / HTTP/1.1\r\nHost: example.com\r\n\r\n")
		if err != nil {
			panic(err)
		}
		fmt.Println(answers[0].Status, answers[0].Headers.Get("RateLimit"))
	}
	// Output:
	// 204 "default";r=1;t=1
	// 204 "default";r=0;t=2
	// 429 "default";r=0;t=2
}
