package middleware

import (
	"crypto/sha256"
	"encoding/base64"
	"strings"
	"time"

	"wherry.example/wherry"
	"wherry.example/wherry/internal/conditional"
)

// ETagOptions bounds what [ETag] looks at. The zero value works.
type ETagOptions struct {
	// MaxBytes is how large content may be to be hashed; 0 means 1 MiB.
	MaxBytes int
}

// ETag gives whole answers of status 200 to GET and HEAD an entity tag made of
// their content, and answers 304 without content if the client has it already
// (If-None-Match), or 412 if it wants another version (If-Match), see
// [wherry.Context.Precondition]. The tag is a weak one, since what stands
// around may still encode the content, and never satisfies an If-Match. A tag
// that the handler has set is kept, and compared as well. Answers that are sent
// while they are written, are marked no-store, or set a cookie get none.
//
// It saves bytes, not work: the handler has run. Where that costs, keep a
// version with the data and give it to Precondition before the work is done; a
// handler that changes something and honours If-Match does that anyway.
//
// It stands inside of Compress and of what sets fields on every answer, right
// around the handlers.
func ETag(options ...ETagOptions) wherry.Middleware {
	o, wrong := given("ETag", options)
	switch {
	case wrong != nil:
		return wrong
	case o.MaxBytes < 0:
		return cannot("ETag: MaxBytes %d is negative; give a number above 0, or 0 for 1 MiB", o.MaxBytes)
	case o.MaxBytes == 0:
		o.MaxBytes = 1 << 20
	}
	return func(next wherry.Handler) wherry.Handler {
		return func(c *wherry.Context) error {
			if m := c.Method(); m != "GET" && m != "HEAD" {
				return next(c)
			}
			if err := next(c); err != nil {
				return err
			}
			tag := currentTag(c, o.MaxBytes)
			if tag == "" {
				return nil
			}
			_, err := c.Precondition(tag, time.Time{})
			return err
		}
	}
}

// currentTag returns the tag of the answer that was given, "" if it has none.
func currentTag(c *wherry.Context, limit int) string {
	content, whole := c.Prepared()
	h := c.ResponseHeaders()
	if status := c.StatusCode(); !whole || status != 200 && (status != 0 || len(content) == 0) {
		return ""
	}
	if tag := h.Get(wherry.HeaderETag); tag != "" {
		if !conditional.Valid(tag) {
			return "" // no client can name it
		}
		return tag
	}
	if len(content) > limit || h.Has(wherry.HeaderSetCookie) || strings.Contains(strings.ToLower(h.Get(wherry.HeaderCacheControl)), "no-store") {
		return ""
	}
	sum := sha256.Sum256(content)
	return `W/"` + base64.RawURLEncoding.EncodeToString(sum[:16]) + `"`
}
