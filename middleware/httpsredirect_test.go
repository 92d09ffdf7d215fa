package middleware_test

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"wherry.example/wherry"
	"wherry.example/wherry/engine"
	"wherry.example/wherry/middleware"
)

func hosted(method, target, host, fields string) string {
	return method + " " + target + " HTTP/1.1\r\nHost: " + host + "\r\n" + fields + "\r\n"
}

func TestHTTPSRedirect(t *testing.T) {
	app := wherry.New().
		Use(middleware.HTTPSRedirect(middleware.HTTPSRedirectOptions{Hosts: []string{"example.com", "*.Example.org", "[2001:db8::1]"}})).
		Get("/**", hello).Post("/**", hello)
	for _, test := range []struct {
		method, target, host string
		status               int
		location             string
	}{
		{"GET", "/a%2Fb?q=1&r=%20", "example.com", 308, "https://example.com/a%2Fb?q=1&r=%20"},
		{"HEAD", "/", "EXAMPLE.com:8080", 308, "https://example.com/"},
		{"GET", "/", "a.example.org", 308, "https://a.example.org/"},
		{"GET", "//evil.test/", "example.com", 308, "https://example.com//evil.test/"},
		{"GET", "http://example.com/x", "example.com", 308, "https://example.com/x"},
		{"GET", "/", "evil.test", 421, ""},
		{"GET", "/", "example.com.evil.test", 421, ""},
		{"GET", "/", "evilexample.com", 421, ""},
		{"GET", "/", "example.org", 421, ""},
		{"GET", "/", "evilexample.org", 421, ""},
		{"GET", "/", "[::1]:80", 421, ""},
		{"GET", "/", "[2001:db8::1]:80", 308, "https://[2001:db8::1]/"},
		{"GET", "/", "example.com.", 308, "https://example.com/"},
		{"GET", "/", "a..example.org", 421, ""},
		{"POST", "/", "example.com", 403, ""},
	} {
		answers, err := app.Test(hosted(test.method, test.target, test.host, "X-Forwarded-Proto: https\r\n"))
		require.NoError(t, err)
		require.Equal(t, test.status, answers[0].Status, "%v", test)
		require.Equal(t, test.location, answers[0].Headers.Get("Location"), "%v", test)
	}
}

func TestHTTPSRedirectPort(t *testing.T) {
	app := wherry.New().
		Use(middleware.HTTPSRedirect(middleware.HTTPSRedirectOptions{Hosts: []string{"example.com"}, Port: 8443})).Get("/", hello)
	require.Equal(t, "https://example.com:8443/", answerTo(t, app, "GET / HTTP/1.1").Headers.Get("Location"))
}

// Only a proxy that ClientIP names is believed: behind one that ends TLS the
// redirect ends, in the order of the documentation.
func TestHTTPSRedirectForwarded(t *testing.T) {
	newApp := func() *wherry.App {
		return wherry.New().Use(
			middleware.ClientIP(middleware.ClientIPOptions{TrustedProxies: prefixes("10.0.0.0/8")}),
			middleware.HTTPSRedirect(middleware.HTTPSRedirectOptions{Hosts: []string{"example.com"}}),
		).Get("/", hello)
	}
	for _, test := range []struct {
		peer, fields string
		want         int
	}{
		{"10.0.0.1", "X-Forwarded-Proto: https\r\n", 200},
		{"10.0.0.1", "X-Forwarded-Proto: HTTPS\r\n", 200},
		{"10.0.0.1", "X-Forwarded-Proto: http, https\r\n", 308},
		{"10.0.0.1", "X-Forwarded-Proto: https\r\nX-Forwarded-Proto: https\r\n", 308},
		{"10.0.0.1", "X-Forwarded-Proto: http\r\n", 308},
		{"10.0.0.1", "", 308},
		{"192.0.2.1", "X-Forwarded-Proto: https\r\n", 308},
	} {
		answers := over(t, newApp(), tcp(test.peer), hosted("GET", "/", "example.com", test.fields))
		require.Equal(t, test.want, answers[0].StatusCode, "%v", test)
	}
}

// SecureHeaders stands outside: what a redirect and a refusal say is subject to
// its fields, and HSTS goes out over TLS only, RFC 6797 section 7.2.
func TestHTTPSRedirectInsideOfSecureHeaders(t *testing.T) {
	newApp := func() *wherry.App {
		return wherry.New().Use(
			middleware.ClientIP(middleware.ClientIPOptions{TrustedProxies: prefixes("10.0.0.0/8")}),
			middleware.SecureHeaders(middleware.SecureHeadersOptions{HSTS: time.Hour}),
			middleware.HTTPSRedirect(middleware.HTTPSRedirectOptions{Hosts: []string{"example.com"}}),
		).Get("/", hello)
	}
	for _, test := range []struct {
		method, host, scheme string
		status               int
		hsts                 string
	}{
		{"GET", "example.com", "http", 308, ""},
		{"GET", "example.org", "http", 421, ""},
		{"POST", "example.com", "http", 403, ""},
		{"GET", "example.com", "https", 200, "max-age=3600"},
	} {
		request := hosted(test.method, "/", test.host, "X-Forwarded-Proto: "+test.scheme+"\r\n")
		answer := over(t, newApp(), tcp("10.0.0.1"), request)[0]
		require.Equal(t, test.status, answer.StatusCode, "%v", test)
		require.Equal(t, "nosniff", answer.Header.Get("X-Content-Type-Options"), "%v", test)
		require.Equal(t, test.hsts, answer.Header.Get("Strict-Transport-Security"), "%v", test)
	}
}

// A path that a hook has put in place of the one sent is not told.
func TestHTTPSRedirectRewritten(t *testing.T) {
	app := wherry.New().
		BeforeRouting(middleware.Rewrite(middleware.RewriteRule{From: "/v1/**", To: "/internal/**"})).
		Use(middleware.HTTPSRedirect(middleware.HTTPSRedirectOptions{Hosts: []string{"example.com"}})).
		Get("/internal/**", hello)
	for target, want := range map[string]string{
		"/v1/a?b=c":                   "/v1/a?b=c",
		"http://example.com/v1/a?b=c": "/v1/a?b=c",
		"http://example.com?b=/c":     "/?b=/c",
		"http://example.com":          "/",
	} {
		require.Equal(t, "https://example.com"+want, answerTo(t, app, "GET "+target+" HTTP/1.1").Headers.Get("Location"), target)
	}
}

func TestHTTPSRedirectOverTLS(t *testing.T) {
	certificates := httptest.NewTLSServer(nil)
	defer certificates.Close()
	app := wherry.New().Engine(engine.Threaded).
		Use(middleware.HTTPSRedirect(middleware.HTTPSRedirectOptions{Hosts: []string{"example.com"}})).Get("/", hello).Post("/", hello)
	inner, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	served := make(chan error, 1)
	go func() {
		served <- app.Serve(tls.NewListener(inner, &tls.Config{Certificates: certificates.TLS.Certificates}))
	}()
	c, err := tls.Dial("tcp", inner.Addr().String(), &tls.Config{InsecureSkipVerify: true})
	require.NoError(t, err)
	_, err = io.WriteString(c, hosted("POST", "/", "example.com", "Connection: close\r\n"))
	require.NoError(t, err)
	answer, _ := io.ReadAll(c)
	require.Contains(t, string(answer), "HTTP/1.1 200")
	require.NoError(t, c.Close())
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	require.NoError(t, app.Shutdown(ctx))
	require.NoError(t, <-served)
}

func TestHTTPSRedirectMistakes(t *testing.T) {
	type options = middleware.HTTPSRedirectOptions
	for _, test := range []struct {
		o    options
		want string
	}{
		{options{}, "Hosts is empty"},
		{options{Hosts: []string{"https://example.com"}}, "Hosts[0]"},
		{options{Hosts: []string{"example.com:443"}}, "Hosts[0]"},
		{options{Hosts: []string{"*.example.com"}}, "Hosts[0]"},
		{options{Hosts: []string{"example.com", "*"}}, "Hosts[1]"},
		{options{Hosts: []string{"example.com"}, Port: 70000}, "Port 70000"},
	} {
		require.Contains(t, mistakeOf(t, middleware.HTTPSRedirect(test.o)), test.want)
	}
}

func ExampleHTTPSRedirect() {
	app := wherry.New().
		Use(middleware.HTTPSRedirect(middleware.HTTPSRedirectOptions{Hosts: []string{"example.com"}})).
		Get("/tasks", func(c *wherry.Context) error { return c.Text(200, "tasks") })
	answers, err := app.Test("GET /tasks?page=2 HTTP/1.1\r\nHost: example.com\r\n\r\n")
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(answers[0].Status, answers[0].Headers.Get("Location"))
	// Output: 308 https://example.com/tasks?page=2
}
