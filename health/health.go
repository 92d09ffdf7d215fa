// Package health answers those who ask whether a service is well: an
// orchestrator that restarts what is dead, and a load balancer that sends
// requests only to what is ready.
//
//	h := health.New(health.Options{
//		Ready:         []health.Check{{Name: "database", Run: db.PingContext}},
//		ShutdownDelay: 5 * time.Second,
//	})
//	h.Attach(app)
//
// There are three questions, as Kubernetes asks them:
//
//   - /livez: does the process answer? It looks at nothing else, and there is
//     no way to make it: a liveness probe that asks a database restarts every
//     instance when that is down.
//   - /readyz: should requests be sent here? It asks the Ready checks, and it
//     says no from the moment a shutdown begins.
//   - /startupz: has the service begun? It asks the Startup checks until all
//     of them have passed once.
//
// The answer is 200 or 503 with a short text; ?verbose lists the checks by
// name. Why one fails is logged and never told: texts of errors hold addresses
// and worse. The routes need no authentication for that reason, but they may
// stand on an app of their own that listens on a private address: see
// [Health.Livez].
package health

import (
	"fmt"
	"log/slog"
	"strings"
	"sync/atomic"
	"time"

	"wherry.example/wherry"
)

// Options says what is asked. The zero value works: alive, started, and ready
// until a shutdown begins.
type Options struct {
	// Ready are asked by /readyz, at most 100. They run side by side.
	Ready []Check
	// Startup are asked by /startupz, and by /readyz, until all have passed.
	Startup []Check
	// ShutdownDelay is how long requests are still served as before once a
	// shutdown has begun and /readyz says no, so that the load balancer has
	// time to notice. Answers already carry `Connection: close`. 0 means no
	// delay; 5 to 10 s fit Kubernetes; at most 5 minutes. It is part of
	// Timeouts.Shutdown, which must leave time for the requests behind it.
	ShutdownDelay time.Duration
	// CacheFor is how long the result of a check is used again, so that
	// those who ask often ask what is behind no more often; 0 means 1 s.
	CacheFor time.Duration
	// Timeout is how long a check may take that says nothing else; 0 means 2 s.
	Timeout time.Duration
	// Logger is told when a check begins to fail and when it passes again;
	// slog.Default() if nil.
	Logger *slog.Logger
}

const (
	maxChecks = 100
	maxDelay  = 5 * time.Minute
)

// Health answers probes. It is made by [New]; its methods may be called from
// any goroutine.
type Health struct {
	err      error // a mistake in the options
	ready    []*check
	startup  []*check
	delay    time.Duration
	started  atomic.Bool
	draining atomic.Bool
}

// New returns what answers probes. A mistake in the options is reported when
// the app that it is attached to is built.
func New(options ...Options) *Health {
	var o Options
	if len(options) > 0 {
		o = options[0]
	}
	h := &Health{delay: o.ShutdownDelay}
	switch {
	case len(options) > 1:
		h.err = fmt.Errorf("health.New: options are given %d times; give them once", len(options))
	case o.ShutdownDelay < 0 || o.ShutdownDelay > maxDelay:
		h.err = fmt.Errorf("health.New: ShutdownDelay %v: give 0 to %v", o.ShutdownDelay, maxDelay)
	case o.CacheFor < 0 || o.Timeout < 0:
		h.err = fmt.Errorf("health.New: CacheFor %v or Timeout %v is negative; give 0 for the default", o.CacheFor, o.Timeout)
	}
	if o.CacheFor == 0 {
		o.CacheFor = time.Second
	}
	if o.Timeout == 0 {
		o.Timeout = 2 * time.Second
	}
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	h.ready = h.checks("Ready", o.Ready, o)
	h.startup = h.checks("Startup", o.Startup, o)
	h.started.Store(len(h.startup) == 0)
	return h
}

func (h *Health) checks(list string, given []Check, o Options) []*check {
	if len(given) > maxChecks {
		h.err = fmt.Errorf("health.New: %s has %d checks; give at most %d", list, len(given), maxChecks)
		return nil
	}
	checks := make([]*check, len(given))
	names := map[string]bool{}
	for i, g := range given {
		if !named(g.Name) || names[g.Name] || g.Run == nil || g.Timeout < 0 {
			h.err = fmt.Errorf("health.New: %s[%d] %q: give a Name of letters, digits, hyphens and dots that no other has, a Run, and no negative Timeout", list, i, g.Name)
		}
		names[g.Name] = true
		if g.Timeout == 0 {
			g.Timeout = o.Timeout
		}
		checks[i] = &check{Check: g, cacheFor: o.CacheFor, log: o.Logger}
	}
	return checks
}

func named(s string) bool {
	for i := 0; i < len(s); i++ {
		b := s[i]
		if !('a' <= b|0x20 && b|0x20 <= 'z' || '0' <= b && b <= '9' || strings.IndexByte("-._", b) >= 0) {
			return false
		}
	}
	return s != "" && len(s) <= 100
}

// Attach registers the routes /livez, /readyz and /startupz with an app, and
// the OnShutdown hook that is [Health.Drain]. Attach before registering other
// OnShutdown hooks: those that end streams should run behind the delay.
func (h *Health) Attach(app *wherry.App) *wherry.App {
	return app.
		Get("/livez", h.orBroken(h.Livez)).
		Get("/readyz", h.orBroken(h.Readyz)).
		Get("/startupz", h.orBroken(h.Startupz)).
		OnShutdown(h.Drain)
}

func (h *Health) orBroken(handler wherry.Handler) wherry.Handler {
	if h.err != nil {
		return wherry.Broken(h.err)
	}
	return handler
}

// Drain makes /readyz say no for good, and returns after ShutdownDelay. It is
// an OnShutdown hook. Where the probes stand on an app of their own, it is
// registered with the app that serves.
func (h *Health) Drain() {
	if h.draining.Swap(true) || h.delay <= 0 {
		return
	}
	time.Sleep(h.delay)
}

// Livez is the handler of /livez. With [Health.Readyz] and [Health.Startupz]
// it can be registered under any path of any app, in place of
// [Health.Attach].
func (h *Health) Livez(c *wherry.Context) error { return h.answer(c, true, nil) }

// Readyz is the handler of /readyz.
func (h *Health) Readyz(c *wherry.Context) error {
	if h.draining.Load() {
		return h.answer(c, false, []outcome{{"shutdown", false}})
	}
	outcomes := h.starting()
	if h.started.Load() {
		outcomes = ask(h.ready)
	}
	return h.answer(c, passed(outcomes), outcomes)
}

// Startupz is the handler of /startupz.
func (h *Health) Startupz(c *wherry.Context) error {
	outcomes := h.starting()
	return h.answer(c, h.started.Load(), outcomes)
}

// starting asks the Startup checks until all of them have passed at once.
func (h *Health) starting() []outcome {
	if h.started.Load() {
		return nil
	}
	outcomes := ask(h.startup)
	if passed(outcomes) {
		h.started.Store(true)
	}
	return outcomes
}

func (h *Health) answer(c *wherry.Context, ok bool, outcomes []outcome) error {
	if h.err != nil {
		return h.err
	}
	c.SetHeader(wherry.HeaderCacheControl, "no-store")
	var b strings.Builder
	if verbose(c.RawQuery()) {
		for _, o := range outcomes {
			if o.ok {
				b.WriteString("[+] " + o.name + " ok\n")
			} else {
				b.WriteString("[-] " + o.name + " failed\n")
			}
		}
	}
	if ok {
		return c.Text(200, b.String()+"ok\n")
	}
	return c.Text(503, b.String()+"unavailable\n")
}

func verbose(query string) bool {
	for part := range strings.SplitSeq(query, "&") {
		if name, _, _ := strings.Cut(part, "="); name == "verbose" {
			return true
		}
	}
	return false
}
