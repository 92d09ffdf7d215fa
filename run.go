package wherry

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"wherry.example/wherry/engine"
)

// This file starts and stops an App. What is served stands in serve.go.

// running is what an App knows of its being served.
type running struct {
	once     sync.Once // guards the building
	buildErr error
	draining atomic.Bool // no connection persists beyond its exchange

	mu     sync.Mutex // guards the following
	engine engine.Engine
	away   map[*hijackedConn]struct{}
	home   chan struct{} // closed when away becomes empty, if somebody waits
}

// Listen serves on these addresses until the process is told to stop by
// SIGINT or SIGTERM, and then drains: see [App.Run]. A second signal ends the
// process at once. For the forms of an address see [OpenListener].
func (a *App) Listen(addrs ...string) error {
	return untilSignal(func(ctx context.Context) error { return a.Run(ctx, addrs...) })
}

// ListenOn is [App.Listen] on listeners that are open already, such as those of
// TLS.
func (a *App) ListenOn(listeners ...net.Listener) error {
	return untilSignal(func(ctx context.Context) error { return a.RunOn(ctx, listeners...) })
}

// untilSignal gives run a context that is done when the process is told to
// stop.
func untilSignal(run func(context.Context) error) error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	go func() {
		<-ctx.Done()
		stop() // a second signal has its usual effect
	}()
	return run(ctx)
}

// Run serves on these addresses until ctx is done, and then drains: no new
// connections, idle ones closed, requests in flight answered with
// `Connection: close`, for at most Timeouts.Shutdown; then what is left is
// cut. It returns nil when all that was accepted was answered.
func (a *App) Run(ctx context.Context, addrs ...string) error {
	if err := a.servable(ctx, nil); err != nil {
		return err
	}
	listeners, err := listen(addrs)
	if err != nil {
		return err
	}
	return a.RunOn(ctx, listeners...)
}

// RunOn is [App.Run] on listeners that are open already. It closes them, also
// when it fails.
func (a *App) RunOn(ctx context.Context, listeners ...net.Listener) error {
	if err := a.servable(ctx, listeners); err != nil {
		for _, ln := range listeners {
			if ln != nil {
				_ = ln.Close()
			}
		}
		return err
	}
	if len(listeners) == 0 {
		return noListener()
	}
	failed := make(chan error, len(listeners))
	kind := a.kind
	if kind == engine.Auto {
		kind = engine.Best()
	}
	for _, ln := range listeners {
		a.server.log.Info("wherry: listening", slog.String("address", ln.Addr().String()), slog.String("engine", string(kind)))
		go func() { failed <- a.Serve(ln) }()
	}
	pending := len(listeners)
	for pending > 0 {
		select {
		case err := <-failed:
			pending--
			if err != nil {
				a.stop(pending, failed)
				return err
			}
			continue
		case <-ctx.Done():
		}
		return a.stop(pending, failed)
	}
	return a.stop(0, failed)
}

// servable builds the app, and reports what is wrong with it, the context or a
// listener.
func (a *App) servable(ctx context.Context, listeners []net.Listener) error {
	if ctx == nil {
		return noContext()
	}
	if slices.Contains(listeners, nil) {
		return fmt.Errorf("wherry: %s: a listener is nil: give one as net.Listen or wherry.OpenListener return it", caller())
	}
	return a.Build()
}

func noContext() error {
	return fmt.Errorf("wherry: %s: the context is nil: give one, as context.Background()", caller())
}

// stop shuts down in the time that is set for it, and waits for the listeners.
// Operators are told when that begins and when it ends.
func (a *App) stop(pending int, served <-chan error) error {
	s := a.server
	ctx, cancel := context.WithTimeout(context.Background(), s.timeouts.Shutdown)
	defer cancel()
	begun := time.Now()
	s.log.Info("wherry: draining", slog.Int("connections", a.run.conns()), slog.Duration("within", s.timeouts.Shutdown))
	cut := a.drain(ctx)
	for range pending {
		<-served
	}
	s.log.Info("wherry: drained", slog.Int("cut", cut), slog.Duration("took", time.Since(begun)))
	return cutOff(cut)
}

// conns returns how many connections are open, hijacked ones included.
func (r *running) conns() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.engine == nil {
		return 0
	}
	return r.engine.Conns() + len(r.away)
}

// Serve serves the connections of a listener, which it closes in the end. It
// may be called several times, each with another listener. It returns nil
// after [App.Shutdown] or when an OnConnect hook returned [ErrStopAccepting] for
// a connection of this listener.
func (a *App) Serve(ln net.Listener) error {
	if ln == nil {
		return fmt.Errorf("wherry: %s: Serve(nil): give a listener, as net.Listen or wherry.OpenListener return it", caller())
	}
	if err := a.Build(); err != nil {
		_ = ln.Close()
		return err
	}
	e, err := a.engineOf()
	if err != nil {
		_ = ln.Close()
		return err
	}
	return e.Serve(ln)
}

// engineOf returns the engine of the app, made at the first call.
func (a *App) engineOf() (engine.Engine, error) {
	r := &a.run
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.draining.Load() {
		return nil, errors.New("wherry: the app was shut down; build another one")
	}
	if r.engine != nil {
		return r.engine, nil
	}
	s := a.server
	e, err := engine.New(a.kind, engine.Config{
		Handler:   greeter{opener{s}},
		MaxConns:  s.limits.Connections,
		Handshake: s.timeouts.Handshake,
		OnError:   func(err error) { s.log.Error("wherry: engine", slog.Any("error", err)) },
	})
	r.engine = e
	return e, err
}

// Shutdown stops serving: see [App.Run]. When ctx is done before all requests
// are answered and all hijacked connections are closed, the rest is cut,
// request contexts are cancelled with [ErrShutdown], and the error says how
// many were cut. An App cannot be served again.
func (a *App) Shutdown(ctx context.Context) error {
	if err := a.Build(); err != nil {
		return err
	}
	if ctx == nil {
		return noContext()
	}
	return cutOff(a.drain(ctx))
}

// cutOff is the error of a shutdown that has cut connections.
func cutOff(cut int) error {
	if cut > 0 {
		return fmt.Errorf("wherry: shutdown: %d connections were cut", cut)
	}
	return nil
}

// drain shuts down and returns how many connections it has cut.
func (a *App) drain(ctx context.Context) (cut int) {
	r := &a.run
	r.mu.Lock()
	first := !r.draining.Swap(true)
	e := r.engine
	r.mu.Unlock()
	if first {
		for _, hook := range a.hooks.shutdown {
			a.server.guarded("OnShutdown hook", hook)
		}
	}
	stop := context.AfterFunc(ctx, func() { a.server.cancelBase(ErrShutdown) })
	defer stop()
	if e != nil {
		cut, _ = e.Shutdown(ctx)
	}
	cut += r.awaitHijacked(ctx)
	a.server.cancelBase(ErrShutdown)
	return cut
}
