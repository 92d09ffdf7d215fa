package middleware_test

import (
	"fmt"
	"log/slog"
	"net/netip"
	"strings"
	"time"

	"wherry.example/wherry"
	"wherry.example/wherry/middleware"
)

// The recommended stack, behind a proxy.
func Example() {
	proxies := []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}
	app := wherry.New().
		Use(
			middleware.RequestID(),
			middleware.Recover(),
			middleware.ClientIP(middleware.ClientIPOptions{TrustedProxies: proxies}),
			middleware.SecureHeaders(),
			middleware.CORS(middleware.CORSOptions{Origins: []string{"https://example.org"}}),
			middleware.CSRF(),
			middleware.RateLimit(middleware.RateLimitOptions{Requests: 600}),
			middleware.Timeout(10*time.Second),
		).
		AfterResponse(middleware.AccessLog(slog.New(slog.DiscardHandler))).
		Get("/", func(c *wherry.Context) error { return c.Text(200, "hello") })

	answers, err := app.Test("GET / HTTP/1.1\r\nHost: api.example.org\r\nOrigin: https://example.org\r\n\r\n")
	if err != nil {
		panic(err)
	}
	for name, value := range answers[0].Headers.All() {
		if name == "X-Request-Id" || name == "Date" {
			value = strings.Repeat("*", 8)
		}
		fmt.Printf("%s: %s\n", name, value)
	}
	// Output:
	// Date: ********
	// X-Request-Id: ********
	// X-Content-Type-Options: nosniff
	// X-Frame-Options: SAMEORIGIN
	// Referrer-Policy: no-referrer
	// Cross-Origin-Opener-Policy: same-origin
	// Cross-Origin-Resource-Policy: same-origin
	// Vary: Origin
	// Access-Control-Allow-Origin: https://example.org
	// RateLimit-Policy: "default";q=600;w=60
	// RateLimit: "default";r=599;t=1
	// Content-Type: text/plain; charset=utf-8
	// Content-Length: 5
}
