package wherry

import (
	"fmt"
	"runtime"
	"strings"
)

// Group is a part of an App's routes that shares a prefix, a host and
// middleware. It is made by [App.Group], [App.Host] or [Group.Group].
type Group struct {
	app        *App
	parent     *Group
	prefix     string // of this group alone
	host       string
	middleware []Middleware
}

// RouteOption is a property of one route.
type RouteOption func(*routeOptions)

type routeOptions struct {
	name       string
	bodyLimit  int64 // 0: that of the app
	middleware []Middleware
}

// Name gives a route a name for [App.URL].
func Name(name string) RouteOption {
	return func(o *routeOptions) { o.name = name }
}

// BodyLimit sets [Limits].Body for one route; [NoLimit] for none.
func BodyLimit(bytes int64) RouteOption {
	return func(o *routeOptions) { o.bodyLimit = bytes }
}

// With adds middleware around one route, inside that of its groups.
func With(mw ...Middleware) RouteOption {
	return func(o *routeOptions) { o.middleware = append(o.middleware, mw...) }
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
	g.middleware = append(g.middleware, mw...)
	return g
}

// Handle registers a handler, see [App.Handle]. The pattern is appended to
// the prefix of the group as it stands: "" is the prefix itself, "/" is the
// prefix with a slash.
func (g *Group) Handle(method, pattern string, h Handler, opts ...RouteOption) *Group {
	r := registration{group: g, method: method, pattern: pattern, handler: h, location: caller()}
	for _, o := range opts {
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

// Group registers routes below a further prefix.
func (g *Group) Group(prefix string, f func(*Group)) *Group {
	f(&Group{app: g.app, parent: g, prefix: prefix, host: g.host})
	return g
}

// Host registers routes of this group for one host, see [App.Host].
func (g *Group) Host(host string, f func(*Group)) *Group {
	f(&Group{app: g.app, parent: g, host: strings.ToLower(host)})
	return g
}

// Mount puts another app below a further prefix, see [App.Mount].
func (g *Group) Mount(prefix string, other *App) *Group {
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
func (g *Group) chain() []Middleware {
	if g == nil {
		return nil
	}
	return append(g.parent.chain(), g.middleware...)
}

// wrap composes middleware around a handler, the first outermost.
func wrap(mw []Middleware, h Handler) Handler {
	for i := len(mw) - 1; i >= 0; i-- {
		h = mw[i](h)
	}
	return h
}

// caller returns file:line of the nearest frame that is not a registering
// method of this package.
func caller() string {
	var pcs [16]uintptr
	frames := runtime.CallersFrames(pcs[:runtime.Callers(3, pcs[:])])
	for {
		f, more := frames.Next()
		if !strings.Contains(f.Function, "wherry.(*App).") && !strings.Contains(f.Function, "wherry.(*Group).") {
			return fmt.Sprintf("%s:%d", f.File, f.Line)
		}
		if !more {
			return "unknown"
		}
	}
}
