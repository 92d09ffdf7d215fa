package middleware

import (
	"encoding/hex"
	"math/rand/v2"
	"net/netip"

	"wherry.example/wherry"
	"wherry.example/wherry/internal/peer"
)

// RequestIDOptions says where ids come from. The zero value makes a new one
// for each request and believes nobody.
type RequestIDOptions struct {
	// Field is the name of the field that carries the id, in the answer and,
	// if it is believed, in the request. Default X-Request-Id.
	Field string
	// TrustedProxies are the networks of the peers whose ids are taken over,
	// such as those of a proxy that makes them. Default none.
	TrustedProxies []netip.Prefix
	// TrustUnix takes ids over from peers on a Unix socket too.
	TrustUnix bool
	// New makes an id. Default 128 random bits as 32 hexadecimal digits.
	New func() string
}

// maxID is the length of the longest id that is taken over from a request.
const maxID = 64

var requestIDs = wherry.NewKey[string]("request id")

// RequestIDOf returns the id that [RequestID] has given to this request, ""
// without.
func RequestIDOf(c *wherry.Context) string {
	id, _ := requestIDs.Get(c)
	return id
}

// RequestID gives each request an id: [RequestIDOf] returns it, the answer
// carries it, and [Recover] and [AccessLog] write it down. An id in the
// request is taken over only from peers that TrustedProxies names, and only if
// it is the only one and consists of 1 to 64 letters, digits, dots, hyphens and
// underscores: what reaches a log cannot forge a line of it.
//
// Ids are unlikely to repeat but no secrets. It stands outermost.
func RequestID(options ...RequestIDOptions) wherry.Middleware {
	o, wrong := given("RequestID", options)
	if wrong != nil {
		return wrong
	}
	if o.Field == "" {
		o.Field = wherry.HeaderXRequestID
	}
	if !isToken(o.Field) {
		return cannot("RequestID: Field %q is no name of a field; give one as \"X-Request-Id\"", o.Field)
	}
	if o.New == nil {
		o.New = newID
	}
	accepted, err := peer.NewSet(o.TrustedProxies, o.TrustUnix)
	if err != nil {
		return cannot("RequestID: TrustedProxies: %w", err)
	}
	return func(next wherry.Handler) wherry.Handler {
		return func(c *wherry.Context) error {
			id := ""
			if accepted.Has(c.RemoteAddr()) {
				id = sentID(c, o.Field)
			}
			if id == "" {
				id = o.New()
			}
			requestIDs.Set(c, id)
			c.SetHeader(o.Field, id)
			return next(c)
		}
	}
}

// newID returns 128 random bits. The generator is the runtime's ChaCha8, which
// needs no system call and cannot fail.
func newID() string {
	var bits [16]byte
	high, low := rand.Uint64(), rand.Uint64()
	for i := range 8 {
		bits[i], bits[8+i] = byte(high>>(8*i)), byte(low>>(8*i))
	}
	var text [32]byte
	hex.Encode(text[:], bits[:])
	return string(text[:])
}

// sentID returns the id in a request, "" if there is none that can be taken
// over. Of several one may be what a client has sent to the proxy.
func sentID(c *wherry.Context, field string) string {
	lines := c.Headers().Values(field)
	if len(lines) != 1 || !wellFormedID(lines[0]) {
		return ""
	}
	return lines[0]
}

func wellFormedID(id string) bool {
	for i := range len(id) {
		switch b := id[i]; {
		case 'a' <= b && b <= 'z', 'A' <= b && b <= 'Z', '0' <= b && b <= '9', b == '.', b == '-', b == '_':
		default:
			return false
		}
	}
	return 0 < len(id) && len(id) <= maxID
}
