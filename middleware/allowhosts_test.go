package middleware_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"wherry.example/wherry"
	"wherry.example/wherry/middleware"
)

func statusOf(t *testing.T, app *wherry.App, raw string) int {
	t.Helper()
	answers, err := app.Test(raw)
	require.NoError(t, err)
	require.Len(t, answers, 1)
	return answers[0].Status
}

func TestAllowHosts(t *testing.T) {
	app := wherry.New().
		Use(middleware.AllowHosts("Example.org", "*.sub.example.org", "only.example.net:8443", "192.0.2.1", "[2001:db8::1]")).
		Get("/", hello)
	for host, allowed := range map[string]bool{
		"example.org":                   true,
		"EXAMPLE.ORG":                   true,
		"example.org.":                  true,
		"example.org:81":                true,
		"example.org.:81":               true,
		"a.example.org":                 false,
		"evilexample.org":               false,
		"example.org.evil.net":          false,
		"sub.example.org":               false,
		"a.sub.example.org":             true,
		"a.b.sub.example.org:9":         true,
		"evilsub.example.org":           false,
		"a..sub.example.org":            false,
		".sub.example.org":              false,
		"only.example.net":              false,
		"only.example.net:8443":         true,
		"only.example.net:8444":         false,
		"192.0.2.1":                     true,
		"192.0.2.1:8080":                true,
		"192.0.2.10":                    false,
		"[2001:db8::1]":                 true,
		"[2001:db8::1]:8080":            true,
		"[2001:db8::2]":                 false,
		"localhost":                     false,
		strings.Repeat("a", 300) + ".x": false,
	} {
		want := 421
		if allowed {
			want = 200
		}
		require.Equal(t, want, statusOf(t, app, "GET / HTTP/1.1\r\nHost: "+host+"\r\n\r\n"), host)
	}
}

// TestAllowHostsSpoofed: the target decides over Host, and fields of proxies
// decide nothing.
func TestAllowHostsSpoofed(t *testing.T) {
	app := wherry.New().Use(middleware.AllowHosts("example.org")).Get("/", hello)
	require.Equal(t, 421, statusOf(t, app, "GET / HTTP/1.1\r\nHost: evil.net\r\nX-Forwarded-Host: example.org\r\n\r\n"))
	require.Equal(t, 421, statusOf(t, app, "GET http://evil.net/ HTTP/1.1\r\nHost: evil.net\r\n\r\n"))
	require.Equal(t, 421, statusOf(t, app, "GET / HTTP/1.0\r\n\r\n"), "no host at all")
	require.Equal(t, 421, statusOf(t, app, "GET /nowhere HTTP/1.1\r\nHost: evil.net\r\n\r\n"), "before 404")
}

func TestAllowHostsMistakes(t *testing.T) {
	require.Contains(t, mistakeOf(t, middleware.AllowHosts()), "no host is given")
	for _, host := range []string{
		"", "*", "*.", "*.*.org", "https://example.org", "example.org/", "exämple.org", "example.org:*", "*.example.org:80",
		"example.org:99999", "example.org:080", "2001:db8::1", "[2001:DB8::0001]", "[192.0.2.1]", "[2001:db8::1", "a..b", ".example.org",
	} {
		require.Contains(t, mistakeOf(t, middleware.AllowHosts("example.org", host)), fmt.Sprintf("AllowHosts(%q)", host), host)
	}
}

func ExampleAllowHosts() {
	app := wherry.New().
		Use(middleware.AllowHosts("example.org", "*.example.org")).
		Get("/", func(c *wherry.Context) error { return c.NoContent() })
	for _, host := range []string{"example.org", "api.example.org:8080", "rebound.example.net"} {
		answers, err := app.Test("GET / HTTP/1.1\r\nHost: " + host + "\r\n\r\n")
		if err != nil {
			panic(err)
		}
		fmt.Println(host, answers[0].Status)
	}
	// Output:
	// example.org 204
	// api.example.org:8080 204
	// rebound.example.net 421
}
