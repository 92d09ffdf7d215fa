package middleware

import (
	"strings"

	"wherry.example/wherry"
)

// TrailingSlash sends GET and HEAD requests that no route matches, and whose
// path ends with a slash, to the path without it, with 308. A route that was
// registered with a slash is reached as it is.
//
// It leads to a path on the same host and nowhere else: a path that begins
// with two slashes or a backslash, which a browser takes for another host, is
// not redirected. There is no way to add a slash: register both patterns.
//
// It stands inside of AccessLog, CORS and SecureHeaders, so that its answers
// carry their fields, and around all routes: App.Use, not Group.Use. To serve
// both forms without a redirect, use [StripSlash] instead.
func TrailingSlash() wherry.Middleware {
	return func(next wherry.Handler) wherry.Handler {
		return func(c *wherry.Context) error {
			if c.Pattern() != "" {
				return next(c)
			}
			path, ok := withoutSlash(c.RawPath())
			if m := c.Method(); !ok || m != "GET" && m != "HEAD" {
				return next(c)
			}
			if query := c.RawQuery(); query != "" {
				path += "?" + query
			}
			return c.Redirect(308, path)
		}
	}
}

// StripSlash is a hook for [wherry.App.BeforeRouting] that takes the slashes
// off the end of each path, so that /tasks/ is served by the route /tasks. A
// route that was registered with a slash at its end can then not be reached.
// Everything behind it, such as authentication by path, sees the path that is
// served.
func StripSlash() wherry.Handler {
	return func(c *wherry.Context) error {
		if path, ok := withoutSlash(c.RawPath()); ok {
			c.SetPath(path)
		}
		return nil
	}
}

// withoutSlash returns a path without the slashes at its end, if there are
// any and what is left is a path of this host.
func withoutSlash(path string) (string, bool) {
	short := strings.TrimRight(path, "/")
	if short == "" || short == path || short[0] != '/' || !leadsHere(short) {
		return "", false
	}
	return short, true
}

// leadsHere reports whether a path, used as a reference, stays on its host:
// RFC 3986 section 4.2, and browsers take a backslash for a slash.
func leadsHere(path string) bool {
	return len(path) < 2 || path[1] != '/' && path[1] != '\\'
}
