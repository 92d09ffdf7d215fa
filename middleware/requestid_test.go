package middleware_test

import (
	"fmt"
	"net"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"wherry.example/wherry"
	"wherry.example/wherry/middleware"
)

func tellID(c *wherry.Context) error { return c.Text(200, middleware.RequestIDOf(c)) }

func TestRequestID(t *testing.T) {
	app := wherry.New().Use(middleware.RequestID()).Get("/", tellID)
	seen := map[string]bool{}
	for range 1000 {
		answer := answerTo(t, app, "GET / HTTP/1.1\nX-Request-Id: forged")
		id := answer.Headers.Get("X-Request-Id")
		require.Regexp(t, "^[0-9a-f]{32}$", id)
		require.Equal(t, id, string(answer.Body))
		require.False(t, seen[id])
		seen[id] = true
	}
	require.NotEmpty(t, answerTo(t, app, "GET /nowhere HTTP/1.1").Headers.Get("X-Request-Id"), "errors have it too")
	require.Empty(t, string(answerTo(t, wherry.New().Get("/", tellID), "GET / HTTP/1.1").Body))
}

// TestRequestIDAccept: CVE-2020-36567 of gin was a log that wrote what a
// client had sent.
func TestRequestIDAccept(t *testing.T) {
	for _, test := range []struct {
		name, peer, sent string
		accepted         bool
	}{
		{"well formed", "10.1.2.3", "Ab-9_.x", true},
		{"IPv4 in the form of IPv6", "::ffff:10.1.2.3", "a", true},
		{"64 bytes", "10.1.2.3", strings.Repeat("a", 64), true},
		{"65 bytes", "10.1.2.3", strings.Repeat("a", 65), false},
		{"blank", "10.1.2.3", "a b", false},
		{"tab", "10.1.2.3", "a\tb", false},
		{"escape of a terminal", "10.1.2.3", "a\x9b31m", false},
		{"quote", "10.1.2.3", "a\"b", false},
		{"equals", "10.1.2.3", "a=b", false},
		{"none", "10.1.2.3", "", false},
		{"peer that is not named", "192.0.2.7", "a", false},
	} {
		t.Run(test.name, func(t *testing.T) {
			app := wherry.New().Use(middleware.RequestID(middleware.RequestIDOptions{TrustedProxies: prefixes("10.0.0.0/8")})).Get("/", tellID)
			answers := over(t, app, tcp(test.peer), "GET / HTTP/1.1\r\nHost: x\r\nX-Request-Id: "+test.sent+"\r\n\r\n")
			require.Equal(t, test.accepted, answers[0].Header.Get("X-Request-Id") == test.sent)
			require.NotEmpty(t, answers[0].Header.Get("X-Request-Id"))
		})
	}
	// A proxy that adds its id behind that of a client: which one is whose?
	app := wherry.New().Use(middleware.RequestID(middleware.RequestIDOptions{TrustedProxies: prefixes("10.0.0.0/8")})).Get("/", tellID)
	answers := over(t, app, tcp("10.1.2.3"), "GET / HTTP/1.1\r\nHost: x\r\nX-Request-Id: forged\r\nX-Request-Id: proxied\r\n\r\n")
	require.Len(t, answers[0].Header.Get("X-Request-Id"), 32)
	unix := &net.UnixAddr{Name: "@", Net: "unix"}
	for _, trusted := range []bool{false, true} {
		app := wherry.New().Use(middleware.RequestID(middleware.RequestIDOptions{TrustUnix: trusted, Field: "Correlation-Id"})).Get("/", tellID)
		answers := over(t, app, unix, "GET / HTTP/1.1\r\nHost: x\r\nCorrelation-Id: abc\r\n\r\n")
		require.Equal(t, trusted, answers[0].Header.Get("Correlation-Id") == "abc")
	}
}

func TestRequestIDMistakes(t *testing.T) {
	require.Contains(t, mistakeOf(t, middleware.RequestID(middleware.RequestIDOptions{Field: "X Request"})), `Field "X Request"`)
	require.Contains(t, mistakeOf(t, middleware.RequestID(middleware.RequestIDOptions{TrustedProxies: prefixes("10.0.0.1/8")})), "TrustedProxies: 10.0.0.1/8")
}

func ExampleRequestID() {
	app := wherry.New().
		Use(middleware.RequestID(middleware.RequestIDOptions{New: func() string { return "1f0c" }})).
		Get("/", func(c *wherry.Context) error { return c.Text(200, "this is "+middleware.RequestIDOf(c)) })
	answers, err := app.Test("GET / HTTP/1.1\r\nHost: example.com\r\nX-Request-Id: forged\r\n\r\n")
	if err != nil {
		panic(err)
	}
	fmt.Printf("%s, X-Request-Id: %s\n", answers[0].Body, answers[0].Headers.Get("X-Request-Id"))
	// Output: this is 1f0c, X-Request-Id: 1f0c
}
