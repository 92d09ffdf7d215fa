// Package rest offers the service over HTTP. It translates: requests to calls
// of the service, its results to JSON, and the errors of the domain to problem
// details (RFC 9457). No rule about tasks lives here.
package rest

import (
	"context"
	"log/slog"
	"net/netip"
	"time"

	"wherry.example/wherry"
	"wherry.example/wherry/examples/api/internal/service"
	"wherry.example/wherry/health"
	"wherry.example/wherry/middleware"
)

// Options says how the service is offered. All fields are required but those
// that say otherwise.
type Options struct {
	// Service does the work.
	Service *service.Service
	// Ready returns nil if the service can do its work.
	Ready func(context.Context) error
	// Keys maps the name of each client to its key.
	Keys map[string]string
	// Origins are those of the pages that may ask; none: no page may.
	Origins []string
	// TrustedProxies are the networks of the proxies in front; optional.
	TrustedProxies []netip.Prefix
	// Rate is how many requests an address may send in a minute.
	Rate int
	// Timeout is the time for one request.
	Timeout time.Duration
	// ShutdownDelay is how long requests are served as before once a shutdown
	// has begun; optional.
	ShutdownDelay time.Duration
	// Shutdown is the time for the whole of a shutdown.
	Shutdown time.Duration
	// Metrics counts the requests.
	Metrics *middleware.MetricsRecorder
	// Logger takes the access log and what only an operator can mend.
	Logger *slog.Logger
}

// maxBody is larger than any task can be, also when each character is written
// as two \u escapes.
const maxBody = 64 << 10

// New returns the app that serves the API and the probes.
func New(o Options) *wherry.App {
	app := wherry.New().
		Logger(o.Logger).
		Limits(wherry.Limits{Body: maxBody}).
		Timeouts(wherry.Timeouts{Shutdown: o.Shutdown}).
		Use(o.outer()...).
		AfterResponse(middleware.AccessLog(o.Logger, middleware.AccessLogOptions{Skip: probed, Attrs: clientAttr}))
	o.Metrics.Watch(app)
	health.New(health.Options{
		Ready:         []health.Check{{Name: "tasks", Run: o.Ready}},
		ShutdownDelay: o.ShutdownDelay,
		Logger:        o.Logger,
	}).Attach(app)

	h := handlers{o.Service}
	app.Group("/v1/tasks", func(g *wherry.Group) {
		g.Use(o.inner()...)
		g.Get("", owned(h.list), wherry.Name("tasks"))
		g.Post("", owned(h.create), wherry.With(middleware.Idempotency(middleware.IdempotencyOptions{Scope: client})))
		g.Get("/:id", owned(h.read), wherry.Name("task"))
		g.Put("/:id", owned(h.change))
		g.Delete("/:id", owned(h.remove))
	})
	return app
}

// NewOps returns the app for operators. It asks for no key: let it listen
// where only they can reach it.
func NewOps(m *middleware.MetricsRecorder, log *slog.Logger) *wherry.App {
	return wherry.New().Logger(log).Get("/metrics", m.Handler())
}

// outer is the middleware around everything, in the order that the
// documentation of package middleware gives. There is no CSRF, since no cookie
// gives anybody any authority here, and no Compress, which would make the tags
// weak that If-Match needs.
func (o Options) outer() []wherry.Middleware {
	stack := []wherry.Middleware{
		middleware.RequestID(middleware.RequestIDOptions{TrustedProxies: o.TrustedProxies}),
		middleware.Recover(middleware.RecoverOptions{Logger: o.Logger}),
		middleware.ClientIP(middleware.ClientIPOptions{TrustedProxies: o.TrustedProxies}),
		middleware.SecureHeaders(middleware.SecureHeadersOptions{
			ContentSecurityPolicy: "default-src 'none'; frame-ancestors 'none'",
		}),
	}
	if len(o.Origins) == 0 {
		return stack
	}
	return append(stack, middleware.CORS(middleware.CORSOptions{
		Origins:       o.Origins,
		Methods:       []string{"PUT", "DELETE"},
		RequestFields: []string{"Authorization", "Content-Type", "If-Match", "Idempotency-Key"},
		ExposedFields: []string{"ETag", "Link", "Location", "RateLimit", "Retry-After", "X-Request-Id"},
		MaxAge:        10 * time.Minute,
	}))
}

// inner is the middleware around the API alone: probes are neither counted nor
// asked for a key.
func (o Options) inner() []wherry.Middleware {
	return []wherry.Middleware{
		middleware.RateLimit(middleware.RateLimitOptions{Requests: o.Rate}),
		middleware.KeyAuth(middleware.KeyAuthOptions{Keys: o.Keys, Realm: "tasks"}),
		middleware.Timeout(o.Timeout),
		private,
		problems,
		middleware.ETag(),
	}
}

// private keeps answers out of shared caches, and lets the client's own one
// ask whether what it has is still true.
func private(next wherry.Handler) wherry.Handler {
	return func(c *wherry.Context) error {
		c.SetHeader(wherry.HeaderCacheControl, "private, no-cache")
		return next(c)
	}
}

func probed(c *wherry.Context, _ wherry.Result) bool {
	switch c.Pattern() {
	case "/livez", "/readyz", "/startupz":
		return true
	}
	return false
}

// client returns whose key the request came with, "" without.
func client(c *wherry.Context) string {
	name, _ := middleware.KeyAuthClient(c)
	return name
}

func clientAttr(c *wherry.Context, _ wherry.Result) []slog.Attr {
	if name := client(c); name != "" {
		return []slog.Attr{slog.String("client", name)}
	}
	return nil
}
