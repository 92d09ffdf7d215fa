package middleware

import (
	"context"
	"fmt"
	"hash/maphash"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"wherry.example/wherry"
)

// Rate is how much one client may ask. Requests become possible again one by
// one, evenly over Per: there is no window whose edge lets twice as many pass.
type Rate struct {
	// Requests are possible in each Per.
	Requests int
	// Per is the time for that many.
	Per time.Duration
	// Burst is how many may come at once after a pause.
	Burst int
}

// Taken is the answer of a [RateLimitStore].
type Taken struct {
	// OK is whether the request may pass.
	OK bool
	// Remaining is how many more would pass now.
	Remaining int
	// Reset is the time after which a whole Burst would pass.
	Reset time.Duration
	// RetryAfter is the time after which one would pass, if OK is false.
	RetryAfter time.Duration
}

// RateLimitStore keeps the counts, so that several processes can share them.
// Take is called for each request on the goroutine of its handler, from many
// at once; it counts one request of that key if it may pass, and returns when
// ctx is done at the latest. How many keys it keeps, and for how long, is its
// own business: a key is as good as new after Taken.Reset.
type RateLimitStore interface {
	Take(ctx context.Context, key string, rate Rate) (Taken, error)
}

// RateLimitOptions says how much a client may ask. Requests has to be given.
type RateLimitOptions struct {
	// Requests of one client may pass in each Per.
	Requests int
	// Per is the time for that many. Default one minute.
	Per time.Duration
	// Burst is how many may come at once. Default Requests.
	Burst int
	// Key names whose request it is; requests with "" are not limited. What
	// clients may choose freely, such as a field, is no good key: a new one
	// for each request is never limited. Default the address that
	// [ClientIPOf] returns, those of IPv6 by their /64, which is what one
	// subscriber has, but for 64:ff9b::/96 (RFC 6052), in which a translator
	// shows each client of IPv4.
	Key func(*wherry.Context) string
	// Clients is how many are remembered, with 17 bytes each. When more come
	// at the same time, those that have used least are forgotten, and may ask
	// anew. Default 65,536. Without meaning if there is a Store.
	Clients int
	// Store keeps the counts. Default the memory of this process.
	Store RateLimitStore
	// StoreFailed decides over a request when the Store has failed: nil lets
	// it pass, an error is answered. Required with Store.
	StoreFailed func(*wherry.Context, error) error
	// Name is that of the policy, in the fields of the answer. Default
	// "default".
	Name string
	// Fields are those that tell the client. Default [RateLimitFields].
	Fields RateLimitFieldSet
}

// RateLimitFieldSet chooses the fields that tell a client its limit.
type RateLimitFieldSet uint8

const (
	// RateLimitFields are RateLimit-Policy and RateLimit, as the IETF's draft
	// ratelimit-headers has them.
	RateLimitFields RateLimitFieldSet = iota
	// RateLimitLegacyFields are X-RateLimit-Limit, -Remaining and -Reset, the
	// last one in seconds from now.
	RateLimitLegacyFields
	// RateLimitNoFields leaves only Retry-After in the answer to a request
	// that was refused.
	RateLimitNoFields
)

// rateLimiter is set at construction, then read-only but for its memory.
type rateLimiter struct {
	options       RateLimitOptions
	rate          Rate
	memory        *rateTable
	policy, limit string // values of fields
}

// RateLimit lets only so many requests of one client pass; further ones are
// answered 429 with Retry-After. It counts by the generic cell rate algorithm,
// one number for each client, in memory that does not grow.
//
// It stands inside of [ClientIP]: behind a proxy and without it, all clients
// are one. Outside of it are [AccessLog] and [CORS], so that refusals are seen;
// inside of it is everything that costs something. To limit failed logins, use
// a second one with another Name around that route. Limits in memory hold for
// one process: behind a balancer use a Store.
func RateLimit(o RateLimitOptions) wherry.Middleware {
	l, err := newRateLimiter(o)
	if err != nil {
		return cannot("%w", err)
	}
	return func(next wherry.Handler) wherry.Handler {
		return func(c *wherry.Context) error {
			taken, limited, err := l.take(c)
			if err != nil {
				err = l.options.StoreFailed(c, err)
			}
			if err != nil {
				return err
			}
			if limited {
				l.tell(c, &taken)
				if !taken.OK {
					c.SetHeader(wherry.HeaderRetryAfter, deltaSeconds(max(taken.RetryAfter, 1)))
					return &wherry.Error{Status: 429, Detail: "Too many requests; try again later."}
				}
			}
			return next(c)
		}
	}
}

// take counts a request. limited is false for one that is not counted.
func (l *rateLimiter) take(c *wherry.Context) (t Taken, limited bool, err error) {
	key := ""
	if l.options.Key != nil {
		if key = l.options.Key(c); key == "" {
			return t, false, nil
		}
	}
	switch {
	case l.options.Store != nil && l.options.Key == nil:
		key = subscriber(ClientIPOf(c)).String()
		fallthrough
	case l.options.Store != nil:
		t, err = l.options.Store.Take(c.Context(), key, l.rate)
		return t, err == nil, err
	case l.options.Key == nil:
		bytes := subscriber(ClientIPOf(c)).Addr().As16()
		return l.memory.take(maphash.Bytes(l.memory.seed, bytes[:])), true, nil
	}
	return l.memory.take(maphash.String(l.memory.seed, key)), true, nil
}

// translated are addresses of IPv4 as a translator shows them to a server that
// has only IPv6, RFC 6052 section 2.1.
var translated = netip.MustParsePrefix("64:ff9b::/96")

// subscriber returns the network that one client is likely to have for
// itself. Clients without an address are one.
func subscriber(addr netip.Addr) netip.Prefix {
	bits := 64
	if !addr.IsValid() {
		addr = netip.IPv6Unspecified()
	}
	switch {
	case addr.Is4():
		bits = 32
	case translated.Contains(addr):
		bits = 128
	}
	p, _ := addr.Prefix(bits)
	return p
}

// tell sets the fields that tell the client its limit.
func (l *rateLimiter) tell(c *wherry.Context, t *Taken) {
	switch l.options.Fields {
	case RateLimitFields:
		c.AddHeader("RateLimit-Policy", l.policy) // a list, with those of others around it
		var room [96]byte
		b := append(room[:0], '"')
		b = append(append(b, l.options.Name...), `";r=`...)
		b = append(strconv.AppendInt(b, int64(t.Remaining), 10), ";t="...)
		c.AddHeader("RateLimit", string(strconv.AppendInt(b, wholeSeconds(t.Reset), 10)))
	case RateLimitLegacyFields:
		c.SetHeader("X-RateLimit-Limit", l.limit)
		c.SetHeader("X-RateLimit-Remaining", strconv.Itoa(t.Remaining))
		c.SetHeader("X-RateLimit-Reset", deltaSeconds(t.Reset))
	}
}

// wholeSeconds rounds up: who comes too early is refused again.
func wholeSeconds(d time.Duration) int64 { return int64((d + time.Second - 1) / time.Second) }

func deltaSeconds(d time.Duration) string { return strconv.FormatInt(wholeSeconds(d), 10) }

func newRateLimiter(o RateLimitOptions) (*rateLimiter, error) {
	if o.Per == 0 {
		o.Per = time.Minute
	}
	if o.Burst == 0 {
		o.Burst = o.Requests
	}
	if o.Name == "" {
		o.Name = "default"
	}
	switch {
	case o.Requests <= 0:
		return nil, fmt.Errorf("RateLimit: Requests is %d; give how many requests of one client may pass in each Per", o.Requests)
	case o.Per < 0 || o.Per > 366*24*time.Hour:
		return nil, fmt.Errorf("RateLimit: Per is %v; give a positive duration of at most a year", o.Per)
	case int64(o.Requests) > int64(o.Per):
		return nil, fmt.Errorf("RateLimit: Requests is %d in %v, more than one each nanosecond; give fewer, or leave RateLimit out", o.Requests, o.Per)
	case o.Burst < 0 || int64(o.Burst) > (1<<61)/(int64(o.Per)/int64(o.Requests)):
		return nil, fmt.Errorf("RateLimit: Burst is %d; give how many requests may come at once, 0 for as many as Requests", o.Burst)
	case o.Clients < 0 || o.Clients > 1<<26:
		return nil, fmt.Errorf("RateLimit: Clients is %d; give how many are remembered, up to %d, 0 for the default", o.Clients, 1<<26)
	case o.Store != nil && o.StoreFailed == nil:
		return nil, fmt.Errorf("RateLimit: StoreFailed is missing; say what becomes of requests when Store fails: return nil to let them pass, an error to refuse them")
	case o.Fields > RateLimitNoFields:
		return nil, fmt.Errorf("RateLimit: Fields is %d, which is unknown; leave it out for the default", o.Fields)
	case len(o.Name) > 32 || !isToken(o.Name):
		return nil, fmt.Errorf("RateLimit: Name %q is no token of at most 32 bytes; give one as \"login\"", o.Name)
	}
	l := &rateLimiter{options: o, rate: Rate{o.Requests, o.Per, o.Burst}}
	if o.Store == nil {
		l.memory = newRateTable(o.Clients, l.rate)
	}
	l.limit = strconv.Itoa(o.Requests)
	l.policy = strings.Join([]string{`"`, o.Name, `";q=`, l.limit, ";w=", deltaSeconds(o.Per)}, "")
	return l, nil
}
