package middleware

import (
	"context"
	"crypto/sha256"
	"time"

	"wherry.example/wherry"
)

// IdempotencyOptions says whose keys are kept, where, and for how long.
type IdempotencyOptions struct {
	// Scope names whose key it is, such as the client that has passed
	// authentication: two clients may choose the same key, and one must never
	// be given the answer to the other. A request whose scope is "" is
	// answered 403. Required.
	Scope func(*wherry.Context) string
	// Store keeps what was answered; nil means [NewIdempotencyMemory], which
	// other instances of the service do not see.
	Store IdempotencyStore
	// Required answers 400 to a POST or PATCH without a key.
	Required bool
	// TTL is how long an answer is repeated; 0 means 24 h.
	TTL time.Duration
}

// IdempotencyStore keeps records of requests by key. Its methods are called
// from several goroutines. Their context outlives the client, so that one that
// leaves early leaves no reservation behind: a store that waits for another
// machine has its own limits of time. An error is answered as a handler's.
type IdempotencyStore interface {
	// Begin reserves a key, unless it is there: it returns nil when the
	// caller has the key now, else what is kept under it, which nobody
	// changes. With an error nothing has been reserved. A store that can
	// outlive the process may end the reservation after the ttl.
	Begin(ctx context.Context, key string, request [sha256.Size]byte, ttl time.Duration) (*IdempotencyRecord, error)
	// Finish keeps a record in place of the reservation. If it fails, the
	// reservation stays, because the request has been handled.
	Finish(ctx context.Context, key string, record IdempotencyRecord, ttl time.Duration) error
	// Abandon gives a reservation up, so that the request can be tried again.
	Abandon(ctx context.Context, key string) error
}

// Idempotency makes POST and PATCH requests that carry an Idempotency-Key safe
// to repeat: the first one is handled, and a repetition gets the same answer,
// marked with `Idempotency-Replayed: true`. While the first one is in flight a
// repetition is answered 409, and one with the same key but another target or
// content 422. A key has 1 to 255 visible ASCII bytes.
//
// Only answers that a handler gives are kept. If it returns an error, panics,
// or gives an answer that cannot be sent, the key is free again and the request
// may be tried again, so a handler that fails must have undone what it did. An
// answer that was streamed, hijacked or is larger than 64 KiB is not kept: its
// repetition is answered 409.
//
// What is repeated are the status, the content and what the handler has done
// to the fields. Fields that middleware around it sets, such as a request id,
// are those of the request at hand, unless the handler has changed them.
// Set-Cookie, trailers, and fields of the connection (RFC 9110 section 7.6.1)
// are not repeated.
//
// The content of the request is read whole, within its limit, before the
// handler runs; Body and BodyBytes give it again.
//
// It stands inside of authentication, which Scope goes by, and of RateLimit;
// outside of nothing but the handlers that it is for.
func Idempotency(o IdempotencyOptions) wherry.Middleware {
	switch {
	case o.Scope == nil:
		return cannot("Idempotency: Scope is missing; give a func that names whose key it is, as the client of KeyAuth")
	case o.TTL < 0:
		return cannot("Idempotency: TTL %v is negative; give a time, or 0 for 24 h", o.TTL)
	case o.TTL == 0:
		o.TTL = 24 * time.Hour
	}
	if o.Store == nil {
		o.Store = NewIdempotencyMemory(0, 0)
	}
	return func(next wherry.Handler) wherry.Handler {
		return func(c *wherry.Context) error {
			lines := c.Headers().Values("Idempotency-Key")
			if m := c.Method(); m != "POST" && m != "PATCH" || len(lines) == 0 && !o.Required {
				return next(c)
			}
			if len(lines) != 1 || !isKey(lines[0]) {
				return wherry.NewError(400, "Give one Idempotency-Key of 1 to 255 visible ASCII characters.")
			}
			scope := o.Scope(c)
			if scope == "" {
				return &wherry.Error{Status: 403, Detail: "An Idempotency-Key belongs to a client, and it is not known who this is."}
			}
			return o.once(c, next, storeKey(scope, lines[0]))
		}
	}
}

func isKey(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i] <= ' ' || s[i] > '~' {
			return false
		}
	}
	return s != "" && len(s) <= 255
}

// storeKey joins scope and key so that no other pair gives the same.
func storeKey(scope, key string) string {
	sum := sha256.Sum256([]byte(scope))
	return string(sum[:]) + key
}

// once handles a request, or repeats the answer to the one before it.
func (o *IdempotencyOptions) once(c *wherry.Context, next wherry.Handler, key string) error {
	request, err := digest(c)
	if err != nil {
		return err
	}
	ctx := context.WithoutCancel(c.Context())
	kept, err := o.Store.Begin(ctx, key, request, o.TTL)
	switch {
	case err != nil:
		return err
	case kept == nil:
		return o.first(ctx, c, next, key, request)
	case kept.Request != request:
		return wherry.NewError(422, "The Idempotency-Key was used for another request.")
	case !kept.Done:
		c.SetHeader(wherry.HeaderRetryAfter, "1")
		return wherry.NewError(409, "The request with this Idempotency-Key is still being worked on.")
	case kept.Status == 0:
		return wherry.NewError(409, "The request with this Idempotency-Key was answered, and the answer cannot be repeated.")
	}
	return kept.replay(c)
}

// digest reads the content and tells requests apart by it. The handler can read
// it again.
func digest(c *wherry.Context) (sum [sha256.Size]byte, err error) {
	content, err := c.BodyBytes()
	if err != nil {
		return sum, err
	}
	h := sha256.New()
	h.Write([]byte(c.Method() + " " + c.Host() + " " + c.RawPath() + "?" + c.RawQuery() + "\n" +
		c.Header(wherry.HeaderContentType) + "\n" + c.Header(wherry.HeaderContentEncoding) + "\n"))
	h.Write(content)
	h.Sum(sum[:0])
	return sum, nil
}

// first handles the request and keeps the answer. A client that leaves does
// not keep it from being kept.
func (o *IdempotencyOptions) first(ctx context.Context, c *wherry.Context, next wherry.Handler, key string, request [sha256.Size]byte) error {
	handled := false
	defer func() { // also when next panics or ends the goroutine
		if !handled {
			_ = o.Store.Abandon(ctx, key)
		}
	}()
	before := linesOf(c.ResponseHeaders())
	if err := next(c); err != nil {
		return err
	}
	if unsendable(c) {
		return nil // the server answers 500 when it finds out
	}
	record := IdempotencyRecord{Request: request, Done: true}
	record.keep(c, &before)
	handled = true
	return o.Store.Finish(ctx, key, record, o.TTL)
}
