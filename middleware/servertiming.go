package middleware

import (
	"strconv"
	"strings"
	"sync"
	"time"

	"wherry.example/wherry"
)

// ServerTimingOptions says who is told of [ServerTiming].
type ServerTimingOptions struct {
	// Show reports whether this client may see how the time was spent. How
	// long things take can tell secrets, such as whether a record exists, so
	// there is no default: give one that says yes to your own people, or one
	// that always says yes while you develop. Required.
	Show func(*wherry.Context) bool
}

// maxTimings bounds the spans of one answer.
const maxTimings = 32

// ServerTiming tells the client in the Server-Timing field how the time was
// spent: the spans that handlers measure with [Timing], and "total" for all
// that stands inside of it. An answer that is sent while it is written gets
// none: its head has left before the time is known.
//
// It stands as far outside as what shall be measured, but inside of the
// authentication that Show goes by. Browsers show the field to pages of other
// origins only if Timing-Allow-Origin says so.
func ServerTiming(o ServerTimingOptions) wherry.Middleware {
	if o.Show == nil {
		return cannot("ServerTiming: Show is missing; give a func(*wherry.Context) bool that says who may see the times")
	}
	return func(next wherry.Handler) wherry.Handler {
		return func(c *wherry.Context) error {
			if !o.Show(c) {
				return next(c)
			}
			t := &timings{}
			serverTimings.Set(c, t)
			began := time.Now()
			err := next(c)
			if !c.Committed() {
				c.AddHeader("Server-Timing", t.value(time.Since(began)))
			}
			return err
		}
	}
}

var serverTimings = wherry.NewKey[*timings]("server timings")

// Timing begins to measure a span for [ServerTiming]; stop ends it. The name
// is a token such as "db". Without ServerTiming around the handler, for a name
// that is no token, and beyond 32 spans nothing is measured. stop may be
// called from any goroutine, also after the handler has returned, and only
// its first call counts.
func Timing(c *wherry.Context, name string) (stop func()) {
	t, ok := serverTimings.Get(c)
	if !ok || t == nil || !isToken(name) || name == "total" {
		return func() {}
	}
	began := time.Now()
	var once sync.Once
	return func() { once.Do(func() { t.add(name, time.Since(began)) }) }
}

// timings are the spans of one exchange.
type timings struct {
	mu    sync.Mutex // guards the following
	spans []timing
}

type timing struct {
	name string
	took time.Duration
}

func (t *timings) add(name string, took time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.spans) < maxTimings {
		t.spans = append(t.spans, timing{name, took})
	}
}

// value returns the field: name;dur=milliseconds, and so on.
func (t *timings) value(total time.Duration) string {
	t.mu.Lock()
	defer t.mu.Unlock()
	var b strings.Builder
	for _, s := range t.spans {
		b.WriteString(s.name + ";dur=" + milliseconds(s.took) + ", ")
	}
	b.WriteString("total;dur=" + milliseconds(total))
	return b.String()
}

func milliseconds(d time.Duration) string {
	return strconv.FormatFloat(float64(d.Microseconds())/1000, 'f', -1, 64)
}
