package wherry

import (
	"fmt"
	"time"

	"wherry.example/wherry/internal/conditional"
	"wherry.example/wherry/internal/http1"
)

// This file answers conditional requests: RFC 9110 section 13. What the fields
// mean is decided in internal/conditional.

// Precondition compares the preconditions of the request with the current
// representation, which has this entity tag and was modified at this time. It
// goes by If-Match, else If-Unmodified-Since, and then If-None-Match, else
// If-Modified-Since (RFC 9110 section 13.2.2). When it reports answered, the
// handler returns err and does nothing else:
//
//	if answered, err := c.Precondition(note.etag(), note.changed); answered {
//		return err
//	}
//
// Call it once the request would otherwise succeed, right before the
// representation is sent or changed, and hold the lock or transaction of the
// change meanwhile. Where there is no current representation, call
// [Context.PreconditionAbsent] instead.
//
// The etag has its double quotes, as `"7"` or `W/"7"`; it is "" if the
// representation has none, and then If-Match holds for `*` only. A weak one
// never satisfies If-Match. A zero modified, like any time up to the first
// second of 1970, says that no time is known: the dates are then ignored. The
// time counts in whole seconds, and one in the future counts as now.
//
// To GET and HEAD the answer is 304 without content if the client has the
// representation already. Otherwise err is an *Error: of status 412 if a
// precondition fails, or, unless the method is GET or HEAD, 400 if If-Match or
// If-None-Match is malformed. In a GET or HEAD what is malformed matches
// nothing. Malformed dates are ignored. An etag that is none is a mistake of
// the handler, and err an error that is answered 500.
//
// For GET and HEAD it sets ETag and Last-Modified, unless they are set. A 304
// keeps all fields but those that describe the content, which are removed;
// Last-Modified too if there is an ETag (section 15.4.5). With CONNECT,
// OPTIONS and TRACE preconditions mean nothing.
func (c *Context) Precondition(etag string, modified time.Time) (answered bool, err error) {
	c.here()
	if etag != "" && !conditional.Valid(etag) {
		return true, fmt.Errorf("wherry: %q is no entity tag; give it in double quotes, as %q", etag, `"7"`)
	}
	now, _ := currentOf(etag, modified)
	if c.reads() {
		c.identify(now)
	}
	return c.decide(now)
}

// PreconditionAbsent compares the preconditions of the request with the fact
// that there is no current representation, as before a PUT that creates one.
// `If-None-Match: *` holds then, and no If-Match does: err is an *Error of
// status 412 if a precondition fails, 400 if one is malformed, else nil. A
// request that is answered 404 anyway needs no such call.
func (c *Context) PreconditionAbsent() error {
	c.here()
	_, err := c.decide(conditional.Current{})
	return err
}

// IfRange reports whether the Range field of the request may be heeded: always
// without If-Range, else only if that names exactly this representation, by a
// strong entity tag or by a time of modification that has not just been (RFC
// 9110 section 13.1.5). The arguments are those of [Context.Precondition],
// which comes before it.
func (c *Context) IfRange(etag string, modified time.Time) bool {
	c.here()
	now, clock := currentOf(etag, modified)
	return conditional.Range(c.head, now, clock)
}

// currentOf returns the validators and the clock they were held against; that
// is not looked at without a time of modification.
func currentOf(etag string, modified time.Time) (now conditional.Current, clock int64) {
	now = conditional.Current{Exists: true, Tag: etag}
	if second := modified.Unix(); second > 0 {
		clock = time.Now().Unix()
		now.Modified = min(second, clock) // section 8.8.2.1: never later than Date
	}
	return now, clock
}

// identify sets the validators of the representation.
func (c *Context) identify(now conditional.Current) {
	h := &c.res.headers
	if now.Tag != "" && !h.Has(HeaderETag) {
		h.Set(HeaderETag, now.Tag)
	}
	if now.Modified != 0 && !h.Has(HeaderLastModified) {
		h.put(HeaderLastModified, string(http1.AppendDate(nil, now.Modified)))
	}
}

func (c *Context) reads() bool { return c.Method() == "GET" || c.Method() == "HEAD" }

func (c *Context) decide(now conditional.Current) (answered bool, err error) {
	switch c.Method() {
	case "CONNECT", "OPTIONS", "TRACE":
		return false, nil
	}
	switch verdict, field := conditional.Evaluate(c.head, c.reads(), now); verdict {
	case conditional.NotModified:
		return true, c.notModified()
	case conditional.Failed:
		return true, &Error{Status: 412, Detail: field + " does not hold for the current state of the resource."}
	case conditional.Malformed:
		return true, &Error{Status: 400, Errors: []FieldError{{Parameter: field, Detail: "must be * or a list of entity tags"}}}
	}
	return false, nil
}

// notModified answers 304 with what section 15.4.5 leaves of the fields.
func (c *Context) notModified() error {
	if err := c.replace(304); err != nil {
		return err
	}
	h := &c.res.headers
	for _, name := range describing {
		h.Del(name)
	}
	if h.Has(HeaderETag) {
		h.Del(HeaderLastModified)
	}
	return nil
}

// describing are the fields that describe content and select nothing.
var describing = [...]string{
	HeaderContentDisposition, HeaderContentEncoding, HeaderContentLanguage, HeaderContentLength, HeaderContentRange,
	HeaderContentType, HeaderTrailer, "Content-Digest", "Content-MD5", "Digest", "Repr-Digest",
}
