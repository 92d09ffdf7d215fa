package wherry

import (
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
)

// This file notes where the calls stand that set an app up, and what is wrong
// with them: [App.Build] tells it.

// made panics for an App that no [New] has made: it has no place for notes.
func (a *App) made() {
	if a == nil || a.root == nil {
		panic("wherry: the App is nil or zero; make it with wherry.New(), at " + caller())
	}
}

// top returns the group of all routes.
func (a *App) top() *Group {
	a.made()
	return a.root
}

// registering panics when it is too late for that: the program would believe
// in a route, a hook or a limit that is not there.
func (a *App) registering(what string) {
	a.made()
	if a.server != nil || a.frozen.Load() {
		panic("wherry: " + what + " comes after the app was built, at " + caller())
	}
}

// setting is registering for what belongs to an app as a whole. It notes where
// that was set, and whether to nil.
func (a *App) setting(what string, absent bool) {
	a.registering(what)
	if a.settings == nil {
		a.settings = map[string]string{}
	}
	a.settings[what] = caller()
	if absent {
		a.mistake("%s(nil): give it a value, or leave the call out", what)
	}
}

// handling notes what the constructor of a handler found wrong with it.
func (a *App) handling(what string, h Handler) {
	for _, err := range each(brokenBy(h)) {
		a.mistake("%s: %w", what, err)
	}
}

// rooted notes a pattern that would run into the prefix before it, and returns
// the one that was meant.
func (a *App) rooted(method, pattern string) string {
	if pattern == "" || strings.HasPrefix(pattern, "/") {
		return pattern
	}
	a.mistake("%s %q: a pattern begins with a slash; write %q", method, pattern, "/"+pattern)
	return "/" + pattern
}

// prefix notes a prefix that what is behind it would run into, or that would
// make two slashes of one, and returns the one that was meant.
func (a *App) prefix(what, prefix string) string {
	meant := strings.Trim(prefix, "/")
	if meant != "" {
		meant = "/" + meant
	}
	if prefix != meant {
		a.mistake("%s(%q): a prefix begins with a slash and does not end in one; write %q", what, prefix, meant)
	}
	return meant
}

// hostName returns a host in lower case. It notes one that no request is for,
// and returns another in its place that no other route has, so that what
// belongs to it can be looked at nevertheless.
func (a *App) hostName(host string) string {
	const letters = "abcdefghijklmnopqrstuvwxyz0123456789-_"
	lower := strings.ToLower(host)
	for label := range strings.SplitSeq(strings.TrimPrefix(lower, "*."), ".") {
		switch {
		case host == "":
			a.mistake("Host(\"\"): give the name of a host; routes for every host need no Host")
		case label == "" || strings.Trim(label, letters) != "":
			a.mistake("Host(%q): give a name without port, as \"example.org\" or \"*.example.org\"; one beyond ASCII in its xn-- form", host)
		default:
			continue
		}
		return fmt.Sprintf("%d.invalid", len(a.noted))
	}
	return lower
}

// mistake notes what is wrong with a call.
func (a *App) mistake(format string, args ...any) {
	a.noted = append(a.noted, fmt.Errorf("%s: %w", caller(), fmt.Errorf(format, args...)))
}

// mistakes is what is wrong with an app.
type mistakes struct {
	all  []error
	told map[string]bool
}

// add takes errors, and apart those that were joined into one. Each text is
// told once: one call may spoil many routes.
func (m *mistakes) add(errs ...error) {
	for _, err := range each(errors.Join(errs...)) {
		m.addAs(err.Error(), err)
	}
}

// addAs takes an error unless one came with the same key.
func (m *mistakes) addAs(key string, err error) {
	if m.told[key] {
		return
	}
	if m.told == nil {
		m.told = map[string]bool{}
	}
	m.told[key] = true
	m.all = append(m.all, err)
}

// addAt takes errors of a setting, with the place where it was set.
func (m *mistakes) addAt(place string, err error) {
	for _, err := range each(err) {
		if place == "" { // it was set by no call that notes it
			m.add(err)
			continue
		}
		m.add(fmt.Errorf("%s: %w", place, err))
	}
}

// err returns everything as one error, nil if there is nothing.
func (m *mistakes) err() error {
	if len(m.all) == 0 {
		return nil
	}
	return fmt.Errorf("wherry: the app cannot be built:\n%w", errors.Join(m.all...))
}

// each returns the errors that were joined into one. One that has words around
// them stays whole.
func each(err error) []error {
	joined, ok := err.(interface{ Unwrap() []error })
	if ok && err.Error() == errors.Join(joined.Unwrap()...).Error() {
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

// registrars are the beginnings of the names of functions that register for
// somebody else: the place of a registration is where they are called. What is
// inlined has the name of its caller in front of its own.
var registrars = []string{".(*App).Listen", "wherry.(*App).", "wherry.(*Group).", "wherry.untilSignal", "wherry/health.", "wherry/debug."}

// caller returns file:line of the nearest frame that does not register for
// somebody else.
func caller() string {
	var pcs [16]uintptr
	frames := runtime.CallersFrames(pcs[:runtime.Callers(3, pcs[:])])
	for {
		f, more := frames.Next()
		if !slices.ContainsFunc(registrars, func(name string) bool { return strings.Contains(f.Function, name) }) {
			return fmt.Sprintf("%s:%d", f.File, f.Line)
		}
		if !more {
			return "unknown"
		}
	}
}
