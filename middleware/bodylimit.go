package middleware

import "wherry.example/wherry"

// BodyLimit bounds the content of the requests to what it wraps, in bytes,
// however they are framed: a larger one is answered 413, at once if its length
// is declared, else when that many bytes have been read. What middleware
// inside of it decodes is counted anew, under the same limit.
//
// It may be less or more than [wherry.Limits].Body; 0 is that again, inside of
// another one, and [wherry.NoLimit] none. Of two around one handler the inner
// one counts, and the [wherry.BodyLimit] of a route before both.
//
// It stands in front of everything that reads the content.
func BodyLimit(bytes int64) wherry.Middleware {
	if bytes < 0 && bytes != wherry.NoLimit {
		return cannot("BodyLimit(%d): give a positive number of bytes, 0 for Limits.Body, or NoLimit", bytes)
	}
	return func(next wherry.Handler) wherry.Handler {
		return func(c *wherry.Context) error {
			c.SetBodyLimit(bytes)
			return next(c)
		}
	}
}
