package middleware

import (
	"io"

	"wherry.example/wherry"
)

// NoCache marks answers as not to be stored by any cache:
// `Cache-Control: no-store`, also those to errors, of which caches keep a 404
// or a 410 unasked. A handler may set another Cache-Control in its place. It
// stands inside of everything that can answer by itself with an answer worth
// caching, and usually around a group: what is personal.
//
// Do not combine it with [ETag]: what is not stored cannot be revalidated.
func NoCache() wherry.Middleware {
	return func(next wherry.Handler) wherry.Handler {
		return func(c *wherry.Context) error {
			c.EncodeContent(markNoStore)
			return next(c)
		}
	}
}

// markNoStore runs when the head is about to leave: an error drops the fields
// that a handler has set for its own answer, Cache-Control among them. It
// encodes nothing.
func markNoStore(c *wherry.Context, _ int64) func(io.Writer) wherry.ContentEncoder {
	if h := c.ResponseHeaders(); !h.Has(wherry.HeaderCacheControl) {
		h.Set(wherry.HeaderCacheControl, "no-store")
	}
	return nil
}
