package wherry

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// This file lays the groups of an app, and the apps mounted on it, out as one
// list of routes.

// flatRoute is a registration with all prefixes and middleware around it.
type flatRoute struct {
	registration
	pattern, host string
	middleware    []layer // of the groups, without the route's own
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

// layout is what is found in an app and in those mounted on it.
type layout struct {
	routes   []flatRoute
	mounted  []*App
	mistakes *mistakes
	around   map[*App]bool   // the apps being laid out
	used     map[*Group]bool // those whose middleware is around a route
}

// lay adds the routes of an app.
func (l *layout) lay(a *App, prefix, host string, outer []layer) {
	l.around[a] = true
	defer delete(l.around, a)
	l.mistakes.add(a.noted...)
	for _, r := range a.registrations {
		f := flatRoute{registration: r, pattern: prefix + r.group.path() + r.pattern, host: r.group.host}
		if f.host == "" {
			f.host = host
		}
		f.middleware = append(append(f.middleware, outer...), r.group.chain()...)
		l.routes = append(l.routes, f)
		l.use(r.group)
	}
	for _, m := range a.mounts {
		before := len(l.routes)
		l.mount(m, prefix, host, outer)
		if len(l.routes) > before {
			l.use(m.group)
		}
	}
	l.tryUnused(a.root)
}

// use notes that a group and those around it have a route.
func (l *layout) use(g *Group) {
	for ; g != nil; g = g.parent {
		l.used[g] = true
	}
}

// tryUnused finds middleware that cannot work where it is around no route, in
// a group and those below it.
func (l *layout) tryUnused(g *Group) {
	if !l.used[g] {
		l.used[g] = true
		_, err := wrap(g.middleware, g.app.missing())
		l.mistakes.add(err)
	}
	for _, sub := range g.groups {
		l.tryUnused(sub)
	}
}

// mount adds the routes of a mounted app. What is wrong with the mounting does
// not hide what is wrong with them.
func (l *layout) mount(m mount, prefix, host string, outer []layer) {
	if err := l.mountable(m.app); err != nil {
		l.mistakes.add(fmt.Errorf("%s: Mount(%q): %w", m.location, m.prefix, err))
	}
	if m.app == nil || m.app.root == nil || l.around[m.app] {
		return
	}
	if m.group.host != "" {
		host = m.group.host
	}
	l.mounted = append(l.mounted, m.app)
	inner := append(append([]layer(nil), outer...), m.group.chain()...)
	l.lay(m.app, prefix+m.group.path()+m.prefix, host, inner)
}

// mountable reports why an app cannot be a part of another.
func (l *layout) mountable(a *App) error {
	switch {
	case a == nil || a.root == nil:
		return errors.New("the app is nil or zero; make it with wherry.New()")
	case l.around[a]:
		return errors.New("the app is mounted on itself; mount another one")
	case len(a.settings) > 0:
		var own []string
		for _, what := range slices.Sorted(maps.Keys(a.settings)) {
			own = append(own, fmt.Sprintf("%s (%s)", what, a.settings[what]))
		}
		return fmt.Errorf("the mounted app has its own %s, without effect here; set that on the outer app", strings.Join(own, ", "))
	}
	return nil
}
