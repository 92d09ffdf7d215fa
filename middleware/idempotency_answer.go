package middleware

import (
	"crypto/sha256"
	"slices"
	"strconv"
	"strings"

	"wherry.example/wherry"
)

// This file keeps the answer of a handler and gives it again. A field is kept
// as what the handler did to it, not as it was sent: what stands around
// [Idempotency] speaks anew for each request.

// IdempotencyRecord is a request and the answer to it.
type IdempotencyRecord struct {
	// Request is a digest of method, target and content.
	Request [sha256.Size]byte
	// Done: the request was answered. Without it, it is being worked on.
	Done bool
	// Status, Removed, Fields and Content are the answer; Status is 0 for one
	// that could not be kept, because it was streamed or too large.
	Status int
	// Removed are the names of the fields that were there before the handler
	// and that it has removed or replaced.
	Removed []string
	// Fields are the lines that the handler has added, also in place of
	// Removed: name and value.
	Fields  [][2]string
	Content []byte
}

// keptBytes is how large an answer may be to be kept: no more than what the
// framework holds until the outermost middleware has returned.
const keptBytes = 64 << 10

// unrepeated are fields that are not kept. A cookie is a secret of the first
// exchange; the others are about a connection, RFC 9110 section 7.6.1, or
// announce trailers, which are not kept either.
var unrepeated = [...]string{
	wherry.HeaderSetCookie, wherry.HeaderConnection, "Keep-Alive", "Proxy-Connection", "TE",
	wherry.HeaderTrailer, wherry.HeaderUpgrade, // Transfer-Encoding is never the handler's
}

// unsendable reports whether the server is going to refuse the answer that has
// been prepared: for a field that cannot be sent, a status that is none, or a
// Content-Length that is not that of the content.
func unsendable(c *wherry.Context) bool {
	content, whole := c.Prepared()
	if !whole {
		return !c.Committed()
	}
	status := c.StatusCode()
	if status != 0 && (status < 200 || status > 999) {
		return true
	}
	declared := c.ResponseHeaders().Values(wherry.HeaderContentLength)
	if len(declared) == 0 {
		return false
	}
	length, err := strconv.ParseUint(declared[0], 10, 62)
	return err != nil || len(declared) > 1 || length != uint64(len(content)) && status != 204 && status != 304
}

// linesOf returns a copy of the lines.
func linesOf(h *wherry.Headers) (lines wherry.Headers) {
	for name, value := range h.All() {
		lines.Add(name, value)
	}
	return lines
}

// keep takes the answer that has been prepared into the record, if it can be
// repeated.
func (r *IdempotencyRecord) keep(c *wherry.Context, before *wherry.Headers) {
	content, whole := c.Prepared()
	if !whole || len(content) > keptBytes {
		return
	}
	if r.Status = c.StatusCode(); r.Status == 0 {
		r.Status = 200
	}
	r.Content = slices.Clone(content)
	r.keepFields(before, c.ResponseHeaders())
}

// keepFields notes what has become of the lines of each name. Lines behind
// those that were there are added; any other change replaces all of that name.
//
//	Link: a            Link: a, Link: b    adds Link: b
//	Vary: Origin       Vary: Origin, Accept    removes Vary, adds Vary: Origin, Accept
//	Server: x          (nothing)           removes Server
func (r *IdempotencyRecord) keepFields(before, after *wherry.Headers) {
	seen := slices.Clone(unrepeated[:])
	for _, list := range []*wherry.Headers{after, before} {
		for name := range list.All() {
			if slices.ContainsFunc(seen, func(s string) bool { return strings.EqualFold(s, name) }) {
				continue
			}
			seen = append(seen, name)
			was, is := before.Values(name), after.Values(name)
			if len(is) < len(was) || !slices.Equal(is[:len(was)], was) {
				r.Removed = append(r.Removed, name)
				was = nil
			}
			for _, value := range is[len(was):] {
				r.Fields = append(r.Fields, [2]string{name, value})
			}
		}
	}
}

// replay gives the answer again.
func (r *IdempotencyRecord) replay(c *wherry.Context) error {
	h := c.ResponseHeaders()
	for _, name := range r.Removed {
		h.Del(name)
	}
	for _, field := range r.Fields {
		h.Add(field[0], field[1])
	}
	h.Set("Idempotency-Replayed", "true")
	typed := h.Has(wherry.HeaderContentType)
	if err := c.Bytes(r.Status, h.Get(wherry.HeaderContentType), r.Content); err != nil {
		return err
	}
	if !typed {
		h.Del(wherry.HeaderContentType)
	}
	return nil
}
