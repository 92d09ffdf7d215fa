package wherry

import (
	"context"
	"log/slog"
	"sync/atomic"

	"wherry.example/wherry/engine"
)

// Handler answers one request. An error it returns is answered by the error
// handler of the app, see [App.ErrorHandler]. It may block. The Context is
// valid until it returns.
type Handler func(*Context) error

// Middleware wraps a handler in another. It runs once for each route when the
// app is built, that of the app once more for requests without a route; what it
// returns runs for each request.
type Middleware func(Handler) Handler

// App collects routes, middleware, hooks and configuration, and serves them.
// Registering methods return the App so that calls chain; they only take
// notes. [App.Build] checks everything at once. Limits, Timeouts, JSON,
// NotFound and ErrorHandler are set once, to set one again is a mistake. An App
// is set up by one goroutine; once it serves, it is read-only.
type App struct {
	root          *Group
	registrations []registration
	mounts        []mount
	hooks         hooks
	limits        Limits
	timeouts      Timeouts
	kind          engine.Kind
	log           *slog.Logger
	codec         JSONCodec
	notFound      Handler
	onError       func(*Context, error)
	settings      map[string]string // where the hooks and the fields above were set last, by method
	noted         []error           // mistakes that Build will tell
	frozen        atomic.Bool       // an app that has this one mounted was built
	server        *server           // set by Build
	run           running
}

// New returns an empty App: no routes, default limits, engine auto.
func New() *App {
	a := &App{kind: engine.Auto}
	a.root = &Group{app: a}
	return a
}

// once notes a setting, and a second call of it as a mistake: what the first
// one said would be gone in silence.
func (a *App) once(what string, absent bool) {
	a.made()
	first := a.settings[what]
	a.setting(what, absent)
	if first != "" {
		a.mistake("%s is set already, at %s, and this would replace it as a whole; make one call of the two", what, first)
	}
}

// Engine chooses how connections are driven; [engine.Auto] is the default.
// Any name may be given, [App.Build] knows which work here. Of several calls the
// last one counts, so that a test can have an app on each.
func (a *App) Engine(kind engine.Kind) *App {
	a.setting("Engine", false)
	a.kind = kind
	return a
}

// Limits sets the bounds on what clients send.
func (a *App) Limits(l Limits) *App {
	a.once("Limits", false)
	a.limits = l
	return a
}

// Timeouts sets the bounds on how long clients take.
func (a *App) Timeouts(t Timeouts) *App {
	a.once("Timeouts", false)
	a.timeouts = t
	return a
}

// Logger sets where the app reports failures; slog.Default() otherwise. Of
// several the last one counts, so that a test can silence an app.
func (a *App) Logger(l *slog.Logger) *App {
	a.setting("Logger", l == nil)
	a.log = l
	return a
}

// JSON sets the codec of [Context.JSON] and [Bind]; encoding/json otherwise.
func (a *App) JSON(codec JSONCodec) *App {
	a.once("JSON", codec == nil)
	a.codec = codec
	return a
}

// NotFound sets the handler of requests that no route matches. The app's
// middleware wraps it. The default answers 404, and so does a handler that sets
// no status.
func (a *App) NotFound(h Handler) *App {
	a.once("NotFound", h == nil)
	a.handling("NotFound", h)
	a.notFound = h
	return a
}

// ErrorHandler sets what answers the errors of handlers, middleware and
// BeforeRouting hooks. It is called once for an exchange, while the head of
// the answer is still unsent. The status is that of [StatusOf] unless it sets
// another. The default is [DefaultErrorHandler].
func (a *App) ErrorHandler(f func(*Context, error)) *App {
	a.once("ErrorHandler", f == nil)
	a.onError = f
	return a
}

// Use adds middleware around every route, and around the answers 404, 405, 413
// and to OPTIONS. The first one given is the outermost. Order relative to
// routes does not matter.
func (a *App) Use(mw ...Middleware) *App { a.top().Use(mw...); return a }

// Handle registers a handler for a method and a pattern.
//
// A pattern is a path: literal segments, `:name` for one non-empty segment,
// `*` for one anonymous non-empty segment, and `**`, at the end only, for the
// rest of the path, which may be empty. At each segment a literal is
// preferred to `:name`, that to `*`, and that to `**`, whatever the order of
// registration.
func (a *App) Handle(method, pattern string, h Handler, opts ...RouteOption) *App {
	a.top().Handle(method, pattern, h, opts...)
	return a
}

// Get registers a handler for GET, and for HEAD unless that has its own.
func (a *App) Get(pattern string, h Handler, opts ...RouteOption) *App {
	return a.Handle("GET", pattern, h, opts...)
}

// Head registers a handler for HEAD.
func (a *App) Head(pattern string, h Handler, opts ...RouteOption) *App {
	return a.Handle("HEAD", pattern, h, opts...)
}

// Post registers a handler for POST.
func (a *App) Post(pattern string, h Handler, opts ...RouteOption) *App {
	return a.Handle("POST", pattern, h, opts...)
}

// Put registers a handler for PUT.
func (a *App) Put(pattern string, h Handler, opts ...RouteOption) *App {
	return a.Handle("PUT", pattern, h, opts...)
}

// Patch registers a handler for PATCH.
func (a *App) Patch(pattern string, h Handler, opts ...RouteOption) *App {
	return a.Handle("PATCH", pattern, h, opts...)
}

// Delete registers a handler for DELETE.
func (a *App) Delete(pattern string, h Handler, opts ...RouteOption) *App {
	return a.Handle("DELETE", pattern, h, opts...)
}

// Options registers a handler for OPTIONS in place of the automatic answer.
func (a *App) Options(pattern string, h Handler, opts ...RouteOption) *App {
	return a.Handle("OPTIONS", pattern, h, opts...)
}

// Any registers a handler for all methods that have a shorthand here: GET,
// HEAD, POST, PUT, PATCH, DELETE and OPTIONS. A [Name] is that of the GET route.
func (a *App) Any(pattern string, h Handler, opts ...RouteOption) *App {
	a.top().Any(pattern, h, opts...)
	return a
}

// Group registers routes below a prefix, with middleware of their own.
func (a *App) Group(prefix string, f func(*Group)) *App { a.top().Group(prefix, f); return a }

// Host registers routes for one host: a name without port, or "*." and a
// name for all hosts below it. Requests for other hosts use the app's routes;
// those for this one never do.
func (a *App) Host(host string, f func(*Group)) *App { a.top().Host(host, f); return a }

// Mount puts the routes and middleware of another app below a prefix. Nothing
// else of it comes along: an app that has hooks or settings of its own, such as
// Limits or a Logger, cannot be mounted.
func (a *App) Mount(prefix string, other *App) *App { a.top().Mount(prefix, other); return a }

// base is the parent of all request contexts.
func newBase() (context.Context, context.CancelCauseFunc) {
	return context.WithCancelCause(context.Background())
}
