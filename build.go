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

// Build checks the app and freezes it. It returns every mistake at once, each
// with the place of the call that made it; to register or set more afterwards
// panics.
// The serving methods call it; calling it again returns the first answer.
func (a *App) Build() error {
	if a == nil || a.root == nil {
		return fmt.Errorf("wherry: %s: the App is nil or zero; make it with wherry.New()", caller())
	}
	a.run.once.Do(func() { a.run.buildErr = a.build() })
	return a.run.buildErr
}

func (a *App) build() error {
	s := &server{hooks: a.hooks, log: a.log, codec: a.codec, onError: a.onError, live: &a.run, born: time.Now(),
		named: map[string]*route{}, methods: map[string]bool{}, hosts: newHostTable()}
	wrong := &mistakes{}
	s.configure(a, wrong)
	mounted := s.register(a, wrong)
	var err error
	s.notFound, err = wrap(a.root.chain(), a.missing())
	wrong.add(err)
	if err := wrong.err(); err != nil {
		return err
	}
	for _, m := range mounted {
		m.frozen.Store(true)
	}
	s.hosts.freeze()
	s.base, s.cancelBase = newBase()
	s.pool.New = func() any { return newExchange(s) }
	s.wide.New = func() any { return new([wideBytes]byte) }
	a.server = s
	return nil
}

// configure takes the settings of the app, the defaults for those it lacks.
func (s *server) configure(a *App, wrong *mistakes) {
	var err error
	s.limits, err = a.limits.complete()
	wrong.addAt(a.settings["Limits"], err)
	s.timeouts, err = a.timeouts.complete()
	wrong.addAt(a.settings["Timeouts"], err)
	if err := engine.Supported(a.kind); err != nil {
		wrong.addAt(a.settings["Engine"], fmt.Errorf("Engine: %w", err))
	}
	s.headLimits = http1.Limits{HeadBytes: s.limits.Head, TargetBytes: s.limits.Target, FieldLines: s.limits.FieldLines}
	if s.log == nil {
		s.log = slog.Default()
	}
	if s.codec == nil {
		s.codec = standardJSON{}
	}
	if s.onError == nil {
		s.onError = DefaultErrorHandler
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
		return absent(c, custom)
	}
}

// register turns the notes of the app, and of the apps mounted on it, into
// routes. It returns those apps.
func (s *server) register(a *App, wrong *mistakes) (mounted []*App) {
	l := &layout{mistakes: wrong, around: map[*App]bool{}, used: map[*Group]bool{a.root: true}} // build wraps that one's misses
	l.lay(a, "", "", nil)
	for _, f := range l.routes {
		for _, err := range each(s.add(f)) {
			wrong.addAs(f.place(err))
		}
	}
	return l.mounted
}

// add enters one route into the router of its host.
func (s *server) add(f flatRoute) error {
	inner := append([]layer(nil), f.middleware...)
	for _, mw := range f.options.middleware {
		inner = append(inner, layer{mw, f.location})
	}
	rt := &route{method: f.method, pattern: f.pattern, host: f.host, name: f.options.name, loc: f.location, opts: f.options}
	rt.pace.manner = f.options.manner
	wrong := []error{f.callable(), checkMethod(f.method), checkBodyLimit(&rt.opts), s.enterName(rt)}
	var err error
	rt.handler, err = wrap(inner, rt.innermost(f.handler))
	added := s.hosts.add(rt)
	if added == nil {
		added = rt.fillable(f.handler)
	}
	if err := errors.Join(append(wrong, err, added)...); err != nil {
		return err
	}
	rt.denied = rt.denial()
	s.methods[rt.method] = true
	s.routes = append(s.routes, rt)
	return nil
}

// callable refuses a route without a handler.
func (f *flatRoute) callable() error {
	if f.handler == nil {
		return errors.New("the handler is nil; give a func(*wherry.Context) error")
	}
	return nil
}

// checkMethod refuses a method that no request can have, and one that none
// will: methods are compared with regard to case, RFC 9110 section 9.1.
func checkMethod(method string) error {
	if !http1.IsToken(method) || len(method) > http1.MaxMethod {
		return fmt.Errorf("%q is no method; give a token of RFC 9110 of at most %d bytes, such as \"GET\"", method, http1.MaxMethod)
	}
	upper := strings.ToUpper(method)
	if method != upper && http1.ParseMethod([]byte(upper)) != http1.MethodOther {
		return fmt.Errorf("the method %q is not %s, because letter case counts; write %q", method, upper, upper)
	}
	return nil
}

func checkBodyLimit(o *routeOptions) error {
	if o.bodyLimit == 0 {
		return nil
	}
	return completeNumber("BodyLimit", &o.bodyLimit, 0, 1<<62)
}

// enterName gives a route its name, if it has one.
func (s *server) enterName(rt *route) error {
	if rt.name == "" {
		return nil
	}
	if other := s.named[rt.name]; other != nil {
		return fmt.Errorf("the name %q already belongs to %s %q (%s); choose another", rt.name, other.method, other.pattern, other.loc)
	}
	s.named[rt.name] = rt
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
