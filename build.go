package wherry

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sort"
	"strings"
	"sync"
	"time"

	"wherry.example/wherry/engine"
	"wherry.example/wherry/internal/http1"
)

// server is an App once it is built: set at construction, then read-only but
// for its pool and its date.
type server struct {
	hooks      hooks
	limits     Limits
	headLimits http1.Limits
	timeouts   Timeouts
	log        *slog.Logger
	codec      JSONCodec
	hosts      *hostTable
	routes     []*route
	named      map[string]*route
	methods    map[string]bool // that any route names, beside the standard ones
	notFound   Handler
	onError    func(*Context, error)
	base       context.Context // parent of all request contexts
	cancelBase context.CancelCauseFunc
	date       dateCache
	pool       sync.Pool // of *exchange
	wide       sync.Pool // of their wide buffers
	live       *running
	born       time.Time // what deadlines of sessions are counted from
}

// Build checks the app and freezes it. It returns every mistake at once, those
// of routes and middleware with the place of their registration; to register
// more afterwards panics.
// The serving methods call it; calling it again returns the first answer.
func (a *App) Build() error {
	a.run.once.Do(func() { a.run.buildErr = a.build() })
	return a.run.buildErr
}

func (a *App) build() error {
	s := &server{hooks: a.hooks, log: a.log, codec: a.codec, onError: a.onError, live: &a.run, born: time.Now(),
		named: map[string]*route{}, methods: map[string]bool{}}
	var mistakes []error
	var err error
	if s.limits, err = a.limits.complete(); err != nil {
		mistakes = append(mistakes, err)
	}
	if s.timeouts, err = a.timeouts.complete(); err != nil {
		mistakes = append(mistakes, err)
	}
	if err := engine.Supported(a.kind); err != nil {
		mistakes = append(mistakes, fmt.Errorf("App.Engine: %w", err))
	}
	s.headLimits = http1.Limits{HeadBytes: s.limits.Head, TargetBytes: s.limits.Target, FieldLines: s.limits.FieldLines}
	if s.log == nil {
		s.log = slog.Default()
	}
	if s.codec == nil {
		s.codec = standardJSON{}
	}
	if s.onError == nil {
		s.onError = defaultErrorHandler
	}
	for _, hook := range a.hooks.routing {
		if err := brokenBy(hook); err != nil {
			mistakes = append(mistakes, fmt.Errorf("App.BeforeRouting: %w", err))
		}
	}
	s.hosts = newHostTable()
	mistakes = append(mistakes, s.register(a)...)
	if s.notFound, err = wrap(a.root.chain(), a.missing()); len(a.registrations) == 0 {
		mistakes = append(mistakes, each(err)...) // else each route has told it
	}
	if len(mistakes) > 0 {
		return fmt.Errorf("wherry: the app cannot be built:\n%w", errors.Join(mistakes...))
	}
	s.hosts.freeze()
	s.base, s.cancelBase = newBase()
	s.pool.New = func() any { return newExchange(s) }
	s.wide.New = func() any { return new([wideBytes]byte) }
	a.server = s
	return nil
}

// registering panics when it is too late for that: the program would believe
// in a route, a hook or a limit that is not there.
func (a *App) registering(what string) {
	if a.server != nil {
		panic("wherry: " + what + " comes after the app was built, at " + caller())
	}
}

// missing is the innermost handler of requests without a route.
func (a *App) missing() Handler {
	custom := a.notFound
	if custom == nil {
		custom = func(*Context) error { return &Error{Status: 404} }
	}
	return func(c *Context) error {
		switch {
		case c.head.Form == http1.AsteriskForm:
			return c.app.answerOptions(c)
		case !c.app.knows(c.Method()):
			return &Error{Status: 501, Detail: "This server does not know the method."}
		}
		return custom(c)
	}
}

// register turns the notes of the app, and of the apps mounted on it, into
// routes, and returns every mistake it finds.
func (s *server) register(a *App) []error {
	var mistakes []error
	flat, wrong := a.flatten("", "", nil, map[*App]bool{})
	mistakes = append(mistakes, wrong...)
	told := map[string]bool{}
	for _, f := range flat {
		for _, err := range each(s.add(f)) {
			key, err := f.place(err)
			if !told[key] {
				told[key] = true
				mistakes = append(mistakes, err)
			}
		}
	}
	return mistakes
}

// place adds to a mistake where it stands. Of those with the same key one is
// told: one call may have made a mistake that spoils many routes.
func (f *flatRoute) place(err error) (key string, placed error) {
	if _, ofLayer := err.(*layerError); ofLayer {
		return err.Error(), err
	}
	placed = fmt.Errorf("%s: %s %q: %w", f.location, f.method, f.pattern, err)
	if f.handler != nil && errors.Is(brokenBy(f.handler), err) {
		return f.location + err.Error(), placed
	}
	return placed.Error(), placed
}

// each returns the errors that were joined into one.
func each(err error) []error {
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		var all []error
		for _, err := range joined.Unwrap() {
			all = append(all, each(err)...)
		}
		return all
	}
	if err == nil {
		return nil
	}
	return []error{err}
}

// flatRoute is a registration with all prefixes and middleware around it.
type flatRoute struct {
	registration
	pattern, host string
	middleware    []layer // of the groups, without the route's own
}

// flatten returns the registrations of the app and of those mounted on it.
func (a *App) flatten(prefix, host string, outer []layer, seen map[*App]bool) (flat []flatRoute, mistakes []error) {
	seen[a] = true
	defer delete(seen, a)
	for _, r := range a.registrations {
		f := flatRoute{registration: r, pattern: prefix + r.group.path() + r.pattern, host: r.group.host}
		if f.host == "" {
			f.host = host
		}
		f.middleware = append(append(f.middleware, outer...), r.group.chain()...)
		flat = append(flat, f)
	}
	for _, m := range a.mounts {
		if err := m.app.mountable(seen); err != nil {
			mistakes = append(mistakes, fmt.Errorf("%s: Mount(%q): %w", m.location, m.prefix, err))
			continue
		}
		inner := append(append([]layer(nil), outer...), m.group.chain()...)
		at := m.group.host
		if at == "" {
			at = host
		}
		more, wrong := m.app.flatten(prefix+m.group.path()+strings.TrimSuffix(m.prefix, "/"), at, inner, seen)
		flat, mistakes = append(flat, more...), append(mistakes, wrong...)
	}
	return flat, mistakes
}

// mountable reports why an app cannot be a part of another.
func (a *App) mountable(seen map[*App]bool) error {
	h := a.hooks
	switch {
	case seen[a]:
		return errors.New("the app is mounted on itself; mount another one")
	case len(h.connect)+len(h.disconnect)+len(h.routing)+len(h.response)+len(h.shutdown) > 0:
		return errors.New("the mounted app has hooks, which would never run; register them on the outer app")
	case a.notFound != nil || a.onError != nil:
		return errors.New("the mounted app has a NotFound or ErrorHandler, which would never run; set it on the outer app")
	case a.limits != Limits{} || a.timeouts != Timeouts{}:
		return errors.New("the mounted app has Limits or Timeouts, which would not hold; set them on the outer app")
	}
	return nil
}

// add enters one route into the router of its host.
func (s *server) add(f flatRoute) error {
	switch {
	case f.handler == nil:
		return errors.New("the handler is nil; give a func(*wherry.Context) error")
	case !http1.IsToken(f.method) || len(f.method) > http1.MaxMethod:
		return fmt.Errorf("%q is no method; give a token of RFC 9110 of at most %d bytes, such as \"GET\"", f.method, http1.MaxMethod)
	}
	if f.options.bodyLimit != 0 {
		if err := completeNumber("BodyLimit", &f.options.bodyLimit, 0, 1<<62); err != nil {
			return err
		}
	}
	inner := append([]layer(nil), f.middleware...)
	for _, mw := range f.options.middleware {
		inner = append(inner, layer{mw, f.location})
	}
	rt := &route{method: f.method, pattern: f.pattern, host: f.host, name: f.options.name, loc: f.location, opts: f.options}
	rt.pace.manner = f.options.manner
	if other := s.named[rt.name]; rt.name != "" && other != nil {
		return fmt.Errorf("the name %q already belongs to %s %q (%s); choose another", rt.name, other.method, other.pattern, other.loc)
	}
	var err error
	if rt.handler, err = wrap(inner, rt.innermost(f.handler)); err != nil {
		return err
	}
	if err := s.hosts.add(rt); err != nil {
		return err
	}
	rt.denied = rt.denial()
	if rt.name != "" {
		s.named[rt.name] = rt
	}
	s.methods[rt.method] = true
	s.routes = append(s.routes, rt)
	return nil
}

// Middleware is called once for a route, and what it returns is around its
// handler and around the answer to other methods: what a middleware counts, it
// counts for both. It is also around the answer to content that is too large by
// its declared length, and may have raised the limit. A denied request has a
// copy of the route, by which the innermost handler knows it.

// innermost returns what stands inside of all middleware.
func (rt *route) innermost(h Handler) Handler {
	if brokenBy(h) != nil {
		return h
	}
	return func(c *Context) error {
		switch {
		case c.route != rt:
			return c.app.deny(c)
		case rt.limit(&c.body).tooLarge():
			return errBodyTooLarge
		}
		return h(c)
	}
}

// limit gives content the bound that the route has of its own. It does so
// before middleware, which may read, and behind it, which may have set the
// bound of a group.
func (rt *route) limit(b *content) *content {
	if own := rt.opts.bodyLimit; own != 0 && !b.limited {
		b.limit = own
	}
	return b
}

// denial returns the handler of requests with another method. The route is
// complete otherwise.
func (rt *route) denial() Handler {
	denied := &route{method: rt.method, pattern: rt.pattern, host: rt.host, name: rt.name, loc: rt.loc, opts: rt.opts, parsed: rt.parsed}
	return func(c *Context) error {
		c.route = denied
		return rt.handler(c)
	}
}

// knows reports whether the method means anything to this server.
func (s *server) knows(method string) bool {
	return http1.ParseMethod([]byte(method)) != http1.MethodOther || s.methods[method]
}

// deny answers a path that exists with a method that it does not have.
func (s *server) deny(c *Context) error {
	switch {
	case c.Method() == "OPTIONS":
		return s.answerOptions(c)
	case !s.knows(c.Method()):
		return &Error{Status: 501, Detail: "This server does not know the method."}
	}
	c.SetHeader(HeaderAllow, s.allowed(c))
	return &Error{Status: 405}
}

// answerOptions answers OPTIONS for a path, or for the whole server.
func (s *server) answerOptions(c *Context) error {
	c.SetHeader(HeaderAllow, s.allowed(c))
	return c.NoContent()
}

// allowed returns the value of Allow for the path of the request.
func (s *server) allowed(c *Context) string {
	if c.head.Form != http1.AsteriskForm {
		return s.hosts.of(c.head).allow(&c.match, c.path)
	}
	all := []string{"OPTIONS"}
	for m := range s.methods {
		if m != "OPTIONS" {
			all = append(all, m)
		}
	}
	if s.methods["GET"] && !s.methods["HEAD"] {
		all = append(all, "HEAD")
	}
	sort.Strings(all)
	return strings.Join(all, ", ")
}

// Route describes one route for [App.Routes].
type Route struct {
	Method, Pattern string
	Host            string // "" for every host
	Name            string // "" without
	Location        string // file:line of the registration
}

// Routes lists the routes in the order of their registration. It builds the
// app; of an app that cannot be built it lists nothing.
func (a *App) Routes() []Route {
	if a.Build() != nil {
		return nil
	}
	list := make([]Route, 0, len(a.server.routes))
	for _, r := range a.server.routes {
		list = append(list, Route{Method: r.method, Pattern: r.pattern, Host: r.host, Name: r.name, Location: r.loc})
	}
	return list
}

// URL returns the path of a named route with its wildcards replaced by args,
// in order, percent-encoded.
func (a *App) URL(name string, args ...any) (string, error) {
	if err := a.Build(); err != nil {
		return "", err
	}
	return a.server.url(name, args)
}

func (s *server) url(name string, args []any) (string, error) {
	rt := s.named[name]
	if rt == nil {
		return "", fmt.Errorf("wherry: no route is named %q; give one the option wherry.Name(%q)", name, name)
	}
	return rt.url(args...)
}
