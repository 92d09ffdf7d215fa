package wherry

import (
	"errors"
	"strings"
)

// Group is a part of an App's routes that shares a prefix, a host and
// middleware. It is made by [App.Group], [App.Host] or [Group.Group].
type Group struct {
	app        *App
	parent     *Group
	groups     []*Group // below this one
	prefix     string   // of this group alone; "" or from a slash on, without one at the end
	host       string
	middleware []layer
}

// layer is a middleware and the place where it was given.
type layer struct {
	mw       Middleware
	location string
}

// RouteOption is a property of one route.
type RouteOption func(*routeOptions)

type routeOptions struct {
	name       string
	bodyLimit  int64 // 0: that of the app
	middleware []Middleware
	manner     manner
}

// Name gives a route a name for [App.URL].
func Name(name string) RouteOption {
	return func(o *routeOptions) { o.name = name }
}

// BodyLimit sets [Limits].Body for one route, in bytes; 0 leaves it as it is,
// [NoLimit] is none.
func BodyLimit(bytes int64) RouteOption {
	return func(o *routeOptions) { o.bodyLimit = bytes }
}

// With adds middleware around one route, inside that of its groups.
func With(mw ...Middleware) RouteOption {
	return func(o *routeOptions) { o.middleware = append(o.middleware, mw...) }
}

// Blocking says that a route blocks or computes for long, so that engines
// whose connections share a goroutine give it one of its own at once. Without
// it they find out, at the price of a millisecond for others.
func Blocking() RouteOption {
	return func(o *routeOptions) { o.manner = mannerBlocking }
}

// Inline says that a route is always quick, so that a request of it that was
// once unlucky with the scheduler says nothing about the others.
func Inline() RouteOption {
	return func(o *routeOptions) { o.manner = mannerInline }
}

// registration is a route as it was noted, before Build.
type registration struct {
	group           *Group
	method, pattern string
	handler         Handler
	options         routeOptions
	location        string
}

type mount struct {
	group    *Group
	prefix   string
	app      *App
	location string
}

// Use adds middleware around the routes of this group and its sub-groups,
// inside that of its parent.
func (g *Group) Use(mw ...Middleware) *Group {
	g.app.registering("Use")
	location := caller()
	for _, m := range mw {
		if m == nil {
			g.app.noted = append(g.app.noted, &layerError{location, nilMiddleware, nil})
			continue
		}
		g.middleware = append(g.middleware, layer{m, location})
	}
	return g
}

// Handle registers a handler, see [App.Handle]. The pattern is appended to
// the prefix of the group as it stands: "" is the prefix itself, "/" is the
// prefix with a slash.
func (g *Group) Handle(method, pattern string, h Handler, opts ...RouteOption) *Group {
	g.app.registering(method + " " + pattern)
	pattern = g.app.rooted(method, pattern)
	r := registration{group: g, method: method, pattern: pattern, handler: h, location: caller()}
	for _, o := range opts {
		if o == nil {
			g.app.mistake("%s %q: the option is nil; give one, as wherry.Name(\"x\"), or none", method, pattern)
			continue
		}
		o(&r.options)
	}
	g.app.registrations = append(g.app.registrations, r)
	return g
}

// Get registers a handler for GET, and for HEAD unless that has its own.
func (g *Group) Get(pattern string, h Handler, opts ...RouteOption) *Group {
	return g.Handle("GET", pattern, h, opts...)
}

// Head registers a handler for HEAD.
func (g *Group) Head(pattern string, h Handler, opts ...RouteOption) *Group {
	return g.Handle("HEAD", pattern, h, opts...)
}

// Post registers a handler for POST.
func (g *Group) Post(pattern string, h Handler, opts ...RouteOption) *Group {
	return g.Handle("POST", pattern, h, opts...)
}

// Put registers a handler for PUT.
func (g *Group) Put(pattern string, h Handler, opts ...RouteOption) *Group {
	return g.Handle("PUT", pattern, h, opts...)
}

// Patch registers a handler for PATCH.
func (g *Group) Patch(pattern string, h Handler, opts ...RouteOption) *Group {
	return g.Handle("PATCH", pattern, h, opts...)
}

// Delete registers a handler for DELETE.
func (g *Group) Delete(pattern string, h Handler, opts ...RouteOption) *Group {
	return g.Handle("DELETE", pattern, h, opts...)
}

// Options registers a handler for OPTIONS in place of the automatic answer.
func (g *Group) Options(pattern string, h Handler, opts ...RouteOption) *Group {
	return g.Handle("OPTIONS", pattern, h, opts...)
}

// Any registers a handler for several methods, see [App.Any].
func (g *Group) Any(pattern string, h Handler, opts ...RouteOption) *Group {
	g.Get(pattern, h, opts...)
	opts = append(opts[:len(opts):len(opts)], Name("")) // a name is that of one route
	for _, method := range [...]string{"HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"} {
		g.Handle(method, pattern, h, opts...)
	}
	return g
}

// Group registers routes below a further prefix: "" for none, or one that
// begins with a slash and does not end in one.
func (g *Group) Group(prefix string, f func(*Group)) *Group {
	g.app.registering("Group")
	if f == nil {
		g.app.mistake("Group(%q, nil): give a func(*wherry.Group) that registers its routes", prefix)
		return g
	}
	f(g.below(&Group{prefix: g.app.prefix("Group", prefix), host: g.host}))
	return g
}

// below enters a group under another.
func (g *Group) below(sub *Group) *Group {
	sub.app, sub.parent = g.app, g
	g.groups = append(g.groups, sub)
	return sub
}

// Host registers routes of this group for one host, see [App.Host].
func (g *Group) Host(host string, f func(*Group)) *Group {
	g.app.registering("Host")
	if f == nil {
		g.app.mistake("Host(%q, nil): give a func(*wherry.Group) that registers its routes", host)
		return g
	}
	f(g.below(&Group{host: g.app.hostName(host)}))
	return g
}

// Mount puts another app below a further prefix, see [App.Mount].
func (g *Group) Mount(prefix string, other *App) *Group {
	g.app.registering("Mount")
	prefix = g.app.prefix("Mount", strings.TrimSuffix(prefix, "/"))
	g.app.mounts = append(g.app.mounts, mount{group: g, prefix: prefix, app: other, location: caller()})
	return g
}

// path returns the prefixes from the root to this group, joined.
func (g *Group) path() string {
	if g == nil {
		return ""
	}
	return g.parent.path() + g.prefix
}

// chain returns the middleware from the root to this group, outermost first.
func (g *Group) chain() []layer {
	if g == nil {
		return nil
	}
	return append(g.parent.chain(), g.middleware...)
}

// wrap composes middleware around a handler, the first outermost. It finds
// everything that cannot work.
func wrap(layers []layer, h Handler) (Handler, error) {
	err := brokenBy(h)
	for i := len(layers) - 1; i >= 0; i-- {
		wrapped, failed := layers[i].wrap(h)
		if failed != nil {
			err = errors.Join(failed, err)
			continue
		}
		h = wrapped
	}
	return h, err
}

const nilMiddleware = "the middleware is nil; give a func(wherry.Handler) wherry.Handler"

func (l layer) wrap(h Handler) (Handler, error) {
	if l.mw == nil {
		return nil, &layerError{l.location, nilMiddleware, nil}
	}
	wrapped := l.mw(h)
	if wrapped == nil {
		return nil, &layerError{l.location, "the middleware returns a nil handler", nil}
	}
	if err := brokenBy(wrapped); err != nil && brokenBy(h) == nil {
		return nil, &layerError{l.location, "the middleware cannot work", err}
	}
	return wrapped, nil
}

// layerError is what is wrong with a middleware, told once for all routes that
// it is around.
type layerError struct {
	location, text string
	err            error
}

func (e *layerError) Error() string {
	if e.err == nil {
		return e.location + ": " + e.text
	}
	return e.location + ": " + e.text + ": " + e.err.Error()
}

func (e *layerError) Unwrap() error { return e.err }
