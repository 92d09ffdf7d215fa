package middleware

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"wherry.example/wherry"
)

// This file tells the counts of Metrics in the text format of Prometheus,
// version 0.0.4. Series are sorted, so that the same counts are the same text.

const metricsType = "text/plain; version=0.0.4; charset=utf-8"

// Handler returns a handler that answers with the counts.
func (m *MetricsRecorder) Handler() wherry.Handler {
	if m.err != nil {
		return wherry.Broken(m.err)
	}
	return func(c *wherry.Context) error {
		c.SetHeader(wherry.HeaderCacheControl, "no-store")
		return c.Bytes(200, metricsType, m.AppendText(nil))
	}
}

// labelled is a series as it is told.
type labelled struct {
	seriesKey
	labels string
	*series
}

// AppendText appends the counts to dst and returns that.
func (m *MetricsRecorder) AppendText(dst []byte) []byte {
	all := m.sorted()
	t := metricsText{dst}
	t.histogram("http_server_request_duration_seconds", "Time from a complete head to the end of the answer.",
		all, m.options.Buckets, func(s *series) *histogram { return &s.duration }, seconds)
	if m.options.Sizes {
		bytes := func(sum int64) float64 { return float64(sum) }
		t.histogram("http_server_request_body_size_bytes", "Declared size of request content; what has none is not counted.",
			all, sizeBuckets, func(s *series) *histogram { return &s.request }, bytes)
		t.histogram("http_server_response_body_size_bytes", "Size of response content that was sent.",
			all, sizeBuckets, func(s *series) *histogram { return &s.response }, bytes)
	}
	t.value("http_server_active_requests", "gauge", "Requests that are being answered.", m.active.Load())
	t.value("wherry_connections_open", "gauge", "Connections that are open.", m.connections.Load())
	t.value("wherry_connections_total", "counter", "Connections that were accepted.", m.accepted.Load())
	return t.out
}

// sorted returns all series in the order of their labels, what is too many at
// the end.
func (m *MetricsRecorder) sorted() []labelled {
	m.mu.RLock()
	all := make([]labelled, 0, len(m.series)+1)
	for key, s := range m.series {
		all = append(all, labelled{seriesKey: key, series: s})
	}
	overflow := m.overflow
	m.mu.RUnlock()
	slices.SortFunc(all, func(a, b labelled) int {
		return cmp.Or(cmp.Compare(a.route, b.route), cmp.Compare(a.method, b.method), cmp.Compare(a.status, b.status), cmp.Compare(a.kind, b.kind))
	})
	for i := range all {
		all[i].labels = all[i].text()
	}
	if overflow != nil {
		all = append(all, labelled{labels: `otel_metric_overflow="true"`, series: overflow})
	}
	return all
}

// text returns the labels as they are told; what there is none of is left out.
func (k *seriesKey) text() string {
	text := `http_request_method="` + k.method + `",http_route="` + escapeLabel(k.route) + `"`
	if k.status > 0 {
		text += `,http_response_status_code="` + strconv.Itoa(k.status) + `"`
	}
	if k.kind != "" {
		text += `,error_type="` + k.kind + `"`
	}
	return text
}

// escapeLabel escapes what cannot stand between the quotes of a label.
func escapeLabel(s string) string { return labelEscaper.Replace(s) }

var labelEscaper = strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`)

// metricsText is a text in the making.
type metricsText struct{ out []byte }

func (t *metricsText) header(name, kind, help string) {
	t.out = append(t.out, "# HELP "+name+" "+help+"\n# TYPE "+name+" "+kind+"\n"...)
}

func (t *metricsText) value(name, kind, help string, v int64) {
	t.header(name, kind, help)
	t.out = append(t.out, name+" "...)
	t.out = append(strconv.AppendInt(t.out, v, 10), '\n')
}

func (t *metricsText) histogram(name, help string, all []labelled, bounds []float64,
	of func(*series) *histogram, sumOf func(int64) float64) {
	t.header(name, "histogram", help)
	for _, s := range all {
		h := of(s.series)
		sum, total := sumOf(h.sum.Load()), int64(0)
		for i := range h.buckets {
			le := "+Inf"
			if i < len(bounds) {
				le = number(bounds[i])
			}
			total += h.buckets[i].Load()
			t.sample(name+"_bucket", s.labels+`,le="`+le+`"`, strconv.FormatInt(total, 10))
		}
		t.sample(name+"_sum", s.labels, number(sum))
		t.sample(name+"_count", s.labels, strconv.FormatInt(total, 10))
	}
}

func (t *metricsText) sample(name, labels, value string) {
	t.out = append(t.out, name+"{"+labels+"} "+value+"\n"...)
}

func number(v float64) string { return strconv.FormatFloat(v, 'g', -1, 64) }
