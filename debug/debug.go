// Package debug shows the inside of a running server: profiles, values, the
// last seconds of its execution, and how it was built. It needs no net/http.
//
//	admin := wherry.New()
//	debug.Attach(admin)
//	go admin.Listen("127.0.0.1:6060")
//
// Then `go tool pprof http://127.0.0.1:6060/debug/pprof/heap`.
//
// What it shows is for operators only: memory holds secrets, and a profile
// costs. So put it on an app of its own that listens on a loopback address. It
// refuses with 403 whatever does not come from this machine, see
// [Options.AllowRemote].
package debug

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"wherry.example/wherry"
	"wherry.example/wherry/internal/peer"
)

// Options says what is shown, and to whom. The zero value works.
type Options struct {
	// AllowRemote serves peers on other machines and listeners that are not
	// on a loopback address as well. Then authentication must stand around
	// the routes. Without it, both ends of a connection are loopback
	// addresses or a Unix socket, the Host is that of this machine (a page in
	// a browser here could else ask under its own name), no page from
	// elsewhere has made a browser here ask, and no proxy has forwarded the
	// request.
	AllowRemote bool
	// Vars are shown at /debug/vars beside those of the runtime. A function
	// may be called from several goroutines at once.
	Vars map[string]func() any
	// FlightRecorder keeps the last seconds of the execution trace, to be
	// looked at after something odd has happened. It costs about 1 % of the
	// CPU, and there can be one in a process.
	FlightRecorder bool
	// Window is how much the flight recorder keeps; 0 means 10 s, at most a
	// minute.
	Window time.Duration
}

// maxVars bounds Options.Vars.
const maxVars = 1000

// Attach registers with an app, below /debug:
//
//	/debug/pprof/           the names of all profiles
//	/debug/pprof/NAME       a profile; ?debug=1 as text, ?gc=1 after a collection
//	/debug/pprof/profile    a CPU profile of ?seconds=30
//	/debug/pprof/trace      an execution trace of ?seconds=1
//	/debug/vars             values, as JSON
//	/debug/build            how the program was built
//	/debug/flight           the execution trace until now, of the flight recorder
//
// Profiles and traces take at most 60 seconds, and one is made at a time. With
// a flight recorder it registers an OnShutdown hook that ends it.
func Attach(app *wherry.App, options ...Options) *wherry.App {
	var o Options
	if len(options) > 0 {
		o = options[0]
	}
	if o.Window == 0 {
		o.Window = 10 * time.Second
	}
	d := &debugger{options: o, busy: make(chan struct{}, 1)}
	err := check(o, len(options))
	if err == nil && o.FlightRecorder {
		err = d.record(app)
	}
	show := func(h wherry.Handler) wherry.Handler {
		if err != nil {
			return wherry.Broken(err)
		}
		return h
	}
	app.Group("/debug", func(g *wherry.Group) {
		g.Use(d.guard)
		g.Get("/pprof", show(d.index)).Get("/pprof/", show(d.index))
		g.Get("/pprof/profile", show(d.cpu)).Get("/pprof/trace", show(d.trace))
		g.Get("/pprof/:name", show(d.profile))
		g.Get("/vars", show(d.vars)).Get("/build", show(d.build))
		if o.FlightRecorder {
			g.Get("/flight", show(d.flight))
		}
	})
	return app
}

func check(o Options, given int) error {
	switch {
	case given > 1:
		return fmt.Errorf("debug.Attach: options are given %d times; give them once", given)
	case o.Window < 0 || o.Window > time.Minute:
		return fmt.Errorf("debug.Attach: Window %v: give up to a minute", o.Window)
	case len(o.Vars) > maxVars:
		return fmt.Errorf("debug.Attach: %d Vars; give at most %d", len(o.Vars), maxVars)
	}
	for name, f := range o.Vars {
		if f == nil || name == "" {
			return fmt.Errorf("debug.Attach: Vars[%q]: give a name and a function", name)
		}
	}
	return nil
}

// debugger answers for one app. Set at construction, then read-only.
type debugger struct {
	options  Options
	busy     chan struct{} // holds a token while a profile or trace is made
	recorder *recorder     // nil without
}

var errRemote = &wherry.Error{Status: 403, Detail: "This is shown to this machine only."}

// guard refuses whoever is elsewhere.
func (d *debugger) guard(next wherry.Handler) wherry.Handler {
	return func(c *wherry.Context) error {
		c.SetHeader(wherry.HeaderCacheControl, "no-store")
		c.SetHeader("X-Content-Type-Options", "nosniff")
		if !d.options.AllowRemote && !fromHere(c) {
			return errRemote
		}
		return next(c)
	}
}

// fromHere reports whether a request comes from this machine: by its socket,
// never by what it says of itself. What it says can only speak against it.
func fromHere(c *wherry.Context) bool {
	if !peer.IsLocal(c.RemoteAddr()) || !peer.IsLocal(c.LocalAddr()) {
		return false
	}
	for _, forwarding := range []string{"Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Real-Ip", "Via"} {
		if c.Headers().Has(forwarding) {
			return false
		}
	}
	switch c.Header("Sec-Fetch-Site") { // a page cannot read the answer, but make the profile
	case "", "none", "same-origin":
	default:
		return false
	}
	host := c.Host()
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	if strings.EqualFold(host, "localhost") {
		return true
	}
	addr, err := netip.ParseAddr(strings.Trim(host, "[]"))
	return err == nil && addr.Unmap().IsLoopback()
}

// build answers how the program was built. The arguments that it was started
// with are not shown: they hold secrets.
func (d *debugger) build(c *wherry.Context) error {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return &wherry.Error{Status: 404, Detail: "The program was built without module support."}
	}
	return c.Text(200, info.String())
}

// alone runs f unless a profile or trace is being made already.
func (d *debugger) alone(f func() error) error {
	select {
	case d.busy <- struct{}{}:
	default:
		return &wherry.Error{Status: 409, Detail: "A profile or trace is being made; try again when it is complete."}
	}
	defer func() { <-d.busy }()
	return f()
}

// query returns a parameter of the query; they hold numbers and words only.
func query(c *wherry.Context, name string) string {
	for part := range strings.SplitSeq(c.RawQuery(), "&") {
		if key, value, _ := strings.Cut(part, "="); key == name {
			return value
		}
	}
	return ""
}

// span returns ?seconds=, within its bounds.
func span(c *wherry.Context, standard time.Duration) (time.Duration, error) {
	given := query(c, "seconds")
	if given == "" {
		return standard, nil
	}
	d, err := time.ParseDuration(given + "s")
	if err != nil || d <= 0 || d > time.Minute {
		return 0, wherry.NewError(400, "The parameter seconds must be above 0 and at most 60.")
	}
	return d, nil
}

// bounded is a buffer that takes no more than it should.
type bounded struct {
	b     []byte
	limit int
}

// maxBytes is how large a profile or trace may become.
const maxBytes = 256 << 20

var errTooLarge = errors.New("debug: the profile or trace is too large; make a shorter one")

// Write appends to the buffer.
func (b *bounded) Write(p []byte) (int, error) {
	if len(p) > b.limit-len(b.b) {
		return 0, errTooLarge
	}
	b.b = append(slices.Grow(b.b, len(p)), p...)
	return len(p), nil
}
