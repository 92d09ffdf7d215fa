package static

import (
	"errors"
	"path"
	"strings"

	"wherry.example/wherry"
)

// This file decides what a request is for: a file, a directory, the fallback,
// or nothing. send.go answers with a file.

// serve is the handler.
func (s *site) serve(c *wherry.Context) error {
	if m := c.Method(); m != "GET" && m != "HEAD" {
		c.SetHeader(wherry.HeaderAllow, "GET, HEAD")
		return wherry.NewError(405, "")
	}
	noSniffing(c)
	name, slash, ok := requested(c)
	if !ok || !s.visible(name) {
		return notFound(nil)
	}
	if slash {
		return s.directory(c, name)
	}
	r, err := s.find(name)
	if err == nil {
		return s.answer(c, r)
	}
	dir := errors.Is(err, errDirectory)
	switch {
	case dir && !wild(c):
		return s.directory(c, name)
	case dir && s.shown(name):
		return toSlash(c)
	}
	return s.missing(c, name, err)
}

// noSniffing has browsers believe the media type.
func noSniffing(c *wherry.Context) { c.SetHeader("X-Content-Type-Options", "nosniff") }

// directory answers a path that ends in a slash.
func (s *site) directory(c *wherry.Context, name string) error {
	err := errDirectory
	if s.index != "" {
		var r *resource
		if r, err = s.find(path.Join(name, s.index)); err == nil {
			return s.answer(c, r)
		}
	}
	if s.listing {
		return s.list(c, name)
	}
	return s.missing(c, name, err)
}

// shown reports whether a directory has something to show. One that has not
// is not told from one that does not exist.
func (s *site) shown(name string) bool {
	if s.listing {
		return true
	}
	if s.index == "" {
		return false
	}
	_, err := s.find(path.Join(name, s.index))
	return err == nil
}

// toSlash redirects to the path with a slash behind it. The location is
// relative to the last segment: it stays on this host whatever the path is,
// and holds behind a proxy that cuts a prefix off.
func toSlash(c *wherry.Context) error {
	raw := c.RawPath()
	location := "./" + raw[strings.LastIndexByte(raw, '/')+1:] + "/"
	if query := c.RawQuery(); query != "" {
		location += "?" + query
	}
	return c.Redirect(301, location)
}

// missing answers for what is not there: with the fallback if the client asks
// for a page.
func (s *site) missing(c *wherry.Context, name string, cause error) error {
	if s.fallback == "" || strings.Contains(path.Base(name), ".") && name != "." {
		return notFound(cause)
	}
	if !wantsPage(c) {
		return notFound(cause)
	}
	r, err := s.find(s.fallback)
	if err != nil {
		return notFound(err)
	}
	return s.answer(c, r)
}

// wantsPage reports whether the client names text/html. Scripts and tools say
// */*, or nothing, and are better served with an honest 404.
func wantsPage(c *wherry.Context) bool {
	if c.Accepts("text/html") == "" {
		return false
	}
	for _, accept := range c.Headers().Values(wherry.HeaderAccept) {
		if strings.Contains(strings.ToLower(accept), "text/html") {
			return true
		}
	}
	return false
}

// notFound is the one answer to everything that is not served, so that what
// exists and is refused looks like what does not exist.
func notFound(cause error) error { return &wherry.Error{Status: 404, Err: cause} }
