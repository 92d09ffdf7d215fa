package middleware

import (
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"wherry.example/wherry"
)

// This file counts; metrics_text.go tells the counts. A series is found under
// a read lock and counted with atomic additions, so exchanges do not wait for
// each other.

// MetricsOptions says what [Metrics] measures. The zero value works.
type MetricsOptions struct {
	// Buckets are the upper bounds of request durations in seconds, rising.
	// Empty means those that OpenTelemetry advises: 0.005 to 10.
	Buckets []float64
	// Sizes adds histograms of the sizes of request and response content.
	Sizes bool
	// MaxSeries bounds how many combinations of method, route and status are
	// told apart; 0 means 2000. Further ones are counted together, in the
	// series with the label otel_metric_overflow="true".
	MaxSeries int
}

var (
	durationBuckets = []float64{.005, .01, .025, .05, .075, .1, .25, .5, .75, 1, 2.5, 5, 7.5, 10}
	sizeBuckets     = []float64{256, 1 << 10, 4 << 10, 16 << 10, 64 << 10, 256 << 10, 1 << 20, 4 << 20, 16 << 20, 64 << 20}
)

// MetricsRecorder counts the requests of an app. It is made by [Metrics], and
// its methods may be called from any goroutine.
type MetricsRecorder struct {
	options     MetricsOptions
	err         error // a mistake in the options, told by Handler at Build
	active      atomic.Int64
	connections atomic.Int64
	accepted    atomic.Int64

	mu       sync.RWMutex // guards the following
	series   map[seriesKey]*series
	overflow *series // nil until needed
}

// seriesKey are the labels of a series. Route is a pattern, never a path.
type seriesKey struct {
	method, route string
	status        int    // 0 if the framework has sent none
	kind          string // of the error, as AccessLog tells it
}

// series is what is counted under one set of labels.
type series struct {
	duration histogram // in nanoseconds
	request  histogram // in bytes
	response histogram
}

// histogram counts in buckets, each without those below it.
type histogram struct {
	buckets []atomic.Int64 // one more than there are bounds
	sum     atomic.Int64
}

// Metrics counts the requests of an app for Prometheus: durations by method,
// route pattern, status and type of error in the names and buckets of the
// OpenTelemetry conventions, requests that are active, and connections.
//
//	m := middleware.Metrics(middleware.MetricsOptions{})
//	m.Watch(app)
//	app.Get("/metrics", m.Handler())
//
// It works by hooks, not as middleware, because only an AfterResponse hook
// knows the status that was really sent. An answer that goes on after its
// handler, as those of [wherry.Context.KeepOpen] do, is counted as it was when
// the handler returned. The label error_type is the error.type of [AccessLog],
// and is left out where nothing went wrong: error_type="client_gone" is no
// failure of the server. No label comes from a client: the
// route is its pattern, "unmatched" if there is none, and a method that is not
// of RFC 9110 or PATCH is "_OTHER". Do not serve /metrics to the world: put it
// on an app of its own that listens on a private address.
func Metrics(options ...MetricsOptions) *MetricsRecorder {
	m := &MetricsRecorder{series: map[seriesKey]*series{}}
	switch len(options) {
	case 0:
	case 1:
		m.options = options[0]
	default:
		m.err = fmt.Errorf("middleware.Metrics: options are given %d times; give them once", len(options))
	}
	o := &m.options
	if len(o.Buckets) == 0 {
		o.Buckets = durationBuckets
	}
	o.Buckets = slices.Clone(o.Buckets)
	if o.MaxSeries == 0 {
		o.MaxSeries = 2000
	}
	if o.MaxSeries < 0 {
		m.err = fmt.Errorf("middleware.Metrics: MaxSeries %d is negative; series are always bounded", o.MaxSeries)
	}
	for i, b := range o.Buckets {
		if !(b > 0 && b < 1e9) || i > 0 && b <= o.Buckets[i-1] || len(o.Buckets) > 100 {
			m.err = fmt.Errorf("middleware.Metrics: Buckets[%d] %v: give at most 100 bounds in seconds, above 0 and each above the one before", i, b)
			break
		}
	}
	return m
}

// Watch registers the hooks of the recorder with an app and returns that.
// Register it before other BeforeRouting hooks, else requests that those
// answer do not count as active. Several apps may share a recorder.
func (m *MetricsRecorder) Watch(app *wherry.App) *wherry.App {
	return app.
		BeforeRouting(m.began).
		AfterResponse(m.ended).
		OnConnect(func(*wherry.Conn) error {
			m.connections.Add(1)
			m.accepted.Add(1)
			return nil
		}).
		OnDisconnect(func(*wherry.Conn, error) { m.connections.Add(-1) })
}

var metricsActive = wherry.NewKey[bool]("metrics active")

func (m *MetricsRecorder) began(c *wherry.Context) error {
	m.active.Add(1)
	metricsActive.Set(c, true)
	return nil
}

func (m *MetricsRecorder) ended(c *wherry.Context, r wherry.Result) {
	if active, _ := metricsActive.Get(c); active {
		m.active.Add(-1)
	}
	key := seriesKey{methodLabel(c.Method()), c.Pattern(), r.Status, errorType(r)}
	if key.route == "" {
		key.route = "unmatched"
	}
	s := m.find(key)
	s.duration.count(m.options.Buckets, r.Duration.Seconds(), int64(r.Duration))
	if m.options.Sizes {
		if length := c.ContentLength(); length >= 0 {
			s.request.count(sizeBuckets, float64(length), length)
		}
		s.response.count(sizeBuckets, float64(r.Bytes), r.Bytes)
	}
}

// methodLabel returns the method if it is a known one: clients can invent
// others without end.
func methodLabel(method string) string {
	switch method {
	case "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "CONNECT", "TRACE":
		return method
	}
	return "_OTHER"
}

// find returns the series of a key, or the one of all that are too many.
func (m *MetricsRecorder) find(key seriesKey) *series {
	m.mu.RLock()
	s := m.series[key]
	m.mu.RUnlock()
	if s != nil {
		return s
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if s = m.series[key]; s != nil {
		return s
	}
	if len(m.series) >= m.options.MaxSeries {
		if m.overflow == nil {
			m.overflow = m.newSeries()
		}
		return m.overflow
	}
	s = m.newSeries()
	m.series[key] = s
	return s
}

func (m *MetricsRecorder) newSeries() *series {
	s := &series{duration: newHistogram(m.options.Buckets)}
	if m.options.Sizes {
		s.request, s.response = newHistogram(sizeBuckets), newHistogram(sizeBuckets)
	}
	return s
}

func newHistogram(bounds []float64) histogram {
	return histogram{buckets: make([]atomic.Int64, len(bounds)+1)}
}

// count enters a value, which is added to the sum as amount. A value on a
// bound belongs below it.
func (h *histogram) count(bounds []float64, value float64, amount int64) {
	i := 0
	for i < len(bounds) && value > bounds[i] {
		i++
	}
	h.buckets[i].Add(1)
	h.sum.Add(amount)
}

// seconds turns a sum of nanoseconds into what it is told in.
func seconds(sum int64) float64 { return time.Duration(sum).Seconds() }
