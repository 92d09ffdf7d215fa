package middleware_test

import (
	"fmt"
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"wherry.example/wherry"
	"wherry.example/wherry/middleware"
)

func TestSecureHeaders(t *testing.T) {
	app := wherry.New().Use(middleware.SecureHeaders()).
		Get("/", hello).
		Get("/own", func(c *wherry.Context) error {
			c.SetHeader("X-Frame-Options", "DENY")
			return c.Text(200, "")
		})
	for _, path := range []string{"/", "/nowhere"} {
		h := answerTo(t, app, "GET "+path+" HTTP/1.1").Headers
		for name, want := range map[string]string{
			"X-Content-Type-Options": "nosniff", "X-Frame-Options": "SAMEORIGIN", "Referrer-Policy": "no-referrer",
			"Cross-Origin-Opener-Policy": "same-origin", "Cross-Origin-Resource-Policy": "same-origin",
			"Cross-Origin-Embedder-Policy": "", "Content-Security-Policy": "", "Permissions-Policy": "",
			"Strict-Transport-Security": "", "X-XSS-Protection": "",
		} {
			require.Equal(t, want, h.Get(name), name)
		}
	}
	require.Equal(t, []string{"DENY"}, answerTo(t, app, "GET /own HTTP/1.1").Headers.Values("X-Frame-Options"))
}

func TestSecureHeadersOptions(t *testing.T) {
	app := wherry.New().Use(middleware.SecureHeaders(middleware.SecureHeadersOptions{
		ContentTypeOptions: middleware.NotSent, FrameOptions: "DENY", ReferrerPolicy: "same-origin", OpenerPolicy: "unsafe-none",
		ResourcePolicy: "cross-origin", EmbedderPolicy: "require-corp", ContentSecurityPolicy: "default-src 'none'", PermissionsPolicy: "camera=()",
	})).Get("/", hello)
	h := answerTo(t, app, "GET / HTTP/1.1").Headers
	for name, want := range map[string]string{
		"X-Content-Type-Options": "", "X-Frame-Options": "DENY", "Referrer-Policy": "same-origin", "Cross-Origin-Opener-Policy": "unsafe-none",
		"Cross-Origin-Resource-Policy": "cross-origin", "Cross-Origin-Embedder-Policy": "require-corp",
		"Content-Security-Policy": "default-src 'none'", "Permissions-Policy": "camera=()",
	} {
		require.Equal(t, want, h.Get(name), name)
	}
}

// secureConn looks like a connection of crypto/tls.
type secureConn struct{ *heardConn }

func (secureConn) OCSPResponse() []byte { return nil }

// wrappedConn is what a listener may put around another's connection.
type wrappedConn struct{ net.Conn }

func (w wrappedConn) Unwrap() net.Conn { return w.Conn }

// TestSecureHeadersHSTS: over TLS it is sent, which CVE-2026-53624 (fiber)
// missed, and never without.
func TestSecureHeadersHSTS(t *testing.T) {
	request := "GET / HTTP/1.1\r\nHost: x\r\nX-Forwarded-Proto: https\r\n\r\n"
	newApp := func(proxies ...string) *wherry.App {
		return wherry.New().Use(
			middleware.ClientIP(middleware.ClientIPOptions{TrustedProxies: prefixes(proxies...)}),
			middleware.SecureHeaders(middleware.SecureHeadersOptions{HSTS: 365 * 24 * time.Hour, HSTSSubdomains: true, HSTSPreload: true}),
		).Get("/", hello)
	}
	const want = "max-age=31536000; includeSubDomains; preload"
	require.Empty(t, over(t, newApp(), tcp("192.0.2.9"), request)[0].Header.Get("Strict-Transport-Security"), "a client's word")
	require.Equal(t, want, over(t, newApp("192.0.2.9/32"), tcp("192.0.2.9"), request)[0].Header.Get("Strict-Transport-Security"))
	for _, conn := range []func(*heardConn) net.Conn{
		func(c *heardConn) net.Conn { return secureConn{c} },
		func(c *heardConn) net.Conn { return wrappedConn{secureConn{c}} },
	} {
		heard := &heardConn{remote: tcp("192.0.2.9"), in: []byte("GET / HTTP/1.1\r\nHost: x\r\n\r\n"), closed: make(chan struct{})}
		answers := overConn(t, newApp(), conn(heard), heard)
		require.Equal(t, want, answers[0].Header.Get("Strict-Transport-Security"))
	}
}

func TestSecureHeadersMistakes(t *testing.T) {
	for want, o := range map[string]middleware.SecureHeadersOptions{
		"ContentSecurityPolicy \"a\\nb\" has a byte at 1": {ContentSecurityPolicy: "a\nb"},
		"HSTS is -1s":                      {HSTS: -time.Second},
		"HSTS is 1ms":                      {HSTS: time.Millisecond},
		"say nothing without HSTS":         {HSTSSubdomains: true},
		"HSTSPreload needs HSTSSubdomains": {HSTS: 400 * 24 * time.Hour, HSTSPreload: true},
		"HSTS of at least 8760h":           {HSTS: time.Hour, HSTSPreload: true, HSTSSubdomains: true},
	} {
		require.Contains(t, mistakeOf(t, middleware.SecureHeaders(o)), want)
	}
}

func ExampleSecureHeaders() {
	app := wherry.New().
		Use(middleware.SecureHeaders(middleware.SecureHeadersOptions{
			FrameOptions:          "DENY",
			ContentSecurityPolicy: "default-src 'self'",
		})).
		Get("/", func(c *wherry.Context) error { return c.NoContent() })
	answers, err := app.Test("GET / HTTP/1.1\r\nHost: example.com\r\n\r\n")
	if err != nil {
		panic(err)
	}
	for name, value := range answers[0].Headers.All() {
		if name != "Date" {
			fmt.Println(name+":", value)
		}
	}
	// Output:
	// X-Content-Type-Options: nosniff
	// X-Frame-Options: DENY
	// Referrer-Policy: no-referrer
	// Cross-Origin-Opener-Policy: same-origin
	// Cross-Origin-Resource-Policy: same-origin
	// Content-Security-Policy: default-src 'self'
}
