package middleware

import (
	"crypto/sha256"
	"encoding/base64"
	"strings"

	"wherry.example/wherry"
)

// ETagOptions bounds what [ETag] looks at. The zero value works.
type ETagOptions struct {
	// MaxBytes is how large content may be to be hashed; 0 means 1 MiB.
	MaxBytes int
}

// ETag gives whole answers of status 200 to GET and HEAD an entity tag made of
// their content, and answers 304 without content if the client has it already
// (If-None-Match, RFC 9110 section 13.1.2, weak comparison). The tag is a weak
// one, since what stands around may still encode the content. A tag that the
// handler has set is kept, and compared as well. Answers that are sent while
// they are written, are marked no-store, or set a cookie get none.
//
// It saves bytes, not work: the handler has run. Where that costs, keep a
// version with the data and compare it in the handler; a handler that changes
// something and honours If-Match does that anyway.
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
			if tag == "" || !noneMatchFails(c, tag) {
				return nil
			}
			for _, name := range []string{wherry.HeaderContentType, wherry.HeaderContentLength, wherry.HeaderContentDisposition,
				wherry.HeaderContentEncoding, wherry.HeaderContentLanguage, wherry.HeaderLastModified} {
				c.ResponseHeaders().Del(name)
			}
			return c.Status(304).NoContent()
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
		return tag
	}
	if len(content) > limit || h.Has(wherry.HeaderSetCookie) || strings.Contains(strings.ToLower(h.Get(wherry.HeaderCacheControl)), "no-store") {
		return ""
	}
	sum := sha256.Sum256(content)
	tag := `W/"` + base64.RawURLEncoding.EncodeToString(sum[:16]) + `"`
	h.Set(wherry.HeaderETag, tag)
	return tag
}

// noneMatchFails reports whether the client has the representation with this
// tag. A list stops counting where it is malformed.
func noneMatchFails(c *wherry.Context, tag string) bool {
	opaque := strings.TrimPrefix(tag, "W/")
	for _, line := range c.Headers().Values(wherry.HeaderIfNoneMatch) {
		if strings.Trim(line, " \t") == "*" {
			return true
		}
		for rest := line; ; {
			var one string
			var ok bool
			if one, rest, ok = cutTag(rest); !ok {
				break
			}
			if one == opaque {
				return true
			}
		}
	}
	return false
}

// cutTag takes one entity tag, without its mark of weakness, off a list. A
// comma may stand inside of it: RFC 9110 section 8.8.3.
func cutTag(list string) (tag, rest string, ok bool) {
	list = strings.TrimPrefix(strings.TrimLeft(list, " \t,"), "W/")
	if !strings.HasPrefix(list, `"`) {
		return "", "", false
	}
	end := strings.IndexByte(list[1:], '"')
	if end < 0 {
		return "", "", false
	}
	return list[:end+2], list[end+2:], true
}
