package middleware_test

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"wherry.example/wherry"
	"wherry.example/wherry/middleware"
)

func TestMetrics(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := middleware.Metrics(middleware.MetricsOptions{Buckets: []float64{0.01, 1}, Sizes: true})
		app := m.Watch(wherry.New()).
			Get("/tasks/:id", func(c *wherry.Context) error {
				time.Sleep(10 * time.Millisecond) // exactly on a bound
				if c.Param("id") == "2" {
					time.Sleep(2 * time.Second)
				}
				return c.Text(200, "hello")
			}).
			Post("/tasks", func(c *wherry.Context) error { return &wherry.Error{Status: 422} }).
			Get("/metrics", m.Handler())
		for _, request := range []string{"GET /tasks/1 HTTP/1.1", "GET /tasks/2 HTTP/1.1", "GET /none HTTP/1.1",
			"POST /tasks HTTP/1.1\nContent-Length: 300\n\n" + strings.Repeat("x", 300), "BREW /tasks HTTP/1.1"} {
			answerTo(t, app, request)
		}
		answer := answerTo(t, app, "GET /metrics HTTP/1.1")
		require.Equal(t, "text/plain; version=0.0.4; charset=utf-8", answer.Headers.Get("Content-Type"))
		require.Equal(t, "no-store", answer.Headers.Get("Cache-Control"))
		text := string(answer.Body)
		for _, line := range []string{
			"# TYPE http_server_request_duration_seconds histogram",
			`http_server_request_duration_seconds_bucket{http_request_method="GET",http_route="/tasks/:id",http_response_status_code="200",le="0.01"} 1`,
			`http_server_request_duration_seconds_bucket{http_request_method="GET",http_route="/tasks/:id",http_response_status_code="200",le="1"} 1`,
			`http_server_request_duration_seconds_bucket{http_request_method="GET",http_route="/tasks/:id",http_response_status_code="200",le="+Inf"} 2`,
			`http_server_request_duration_seconds_sum{http_request_method="GET",http_route="/tasks/:id",http_response_status_code="200"} 2.02`,
			`http_server_request_duration_seconds_count{http_request_method="GET",http_route="/tasks/:id",http_response_status_code="200"} 2`,
			`http_server_request_duration_seconds_count{http_request_method="GET",http_route="unmatched",http_response_status_code="404"} 1`,
			`http_server_request_duration_seconds_count{http_request_method="POST",http_route="/tasks",http_response_status_code="422"} 1`,
			`http_server_request_body_size_bytes_bucket{http_request_method="POST",http_route="/tasks",http_response_status_code="422",le="256"} 0`,
			`http_server_request_body_size_bytes_bucket{http_request_method="POST",http_route="/tasks",http_response_status_code="422",le="1024"} 1`,
			`http_server_response_body_size_bytes_sum{http_request_method="GET",http_route="/tasks/:id",http_response_status_code="200"} 10`,
			"http_server_active_requests 1",
			"wherry_connections_open 1",
			"wherry_connections_total 6",
		} {
			require.Contains(t, text, line+"\n")
		}
		require.Contains(t, text, `http_request_method="_OTHER"`)
		require.NotContains(t, text, "BREW")
	})
}

func TestMetricsDefaults(t *testing.T) {
	m := middleware.Metrics()
	app := m.Watch(wherry.New()).Get("/", hello)
	answerTo(t, app, "GET / HTTP/1.1")
	text := string(m.AppendText(nil))
	var bounds []string
	for line := range strings.SplitSeq(text, "\n") {
		if _, rest, ok := strings.Cut(line, `le="`); ok {
			bound, _, _ := strings.Cut(rest, `"`)
			bounds = append(bounds, bound)
		}
	}
	require.Equal(t, "0.005 0.01 0.025 0.05 0.075 0.1 0.25 0.5 0.75 1 2.5 5 7.5 10 +Inf", strings.Join(bounds, " "))
	require.NotContains(t, text, "body_size")
	require.Contains(t, text, "http_server_active_requests 0\n")
	require.Contains(t, text, "wherry_connections_open 0\n")
}

// What went wrong is told apart, and a status that was not sent is not told.
func TestMetricsErrors(t *testing.T) {
	m := middleware.Metrics()
	app := m.Watch(wherry.New()).Logger(silent()).
		Get("/panic", func(*wherry.Context) error { panic("x") }).
		Get("/error", func(*wherry.Context) error { return &wherry.Error{Status: 503} }).
		Get("/drop", func(*wherry.Context) error { return wherry.ErrDrop }).
		Get("/known", func(*wherry.Context) error { return &wherry.Error{Status: 404} })
	for _, path := range []string{"/panic", "/error", "/drop", "/known"} {
		_, err := app.Test("GET " + path + " HTTP/1.1\r\nHost: x\r\n\r\n")
		require.NoError(t, err)
	}
	text := string(m.AppendText(nil))
	for _, labels := range []string{
		`http_route="/drop",error_type="dropped"`, `http_route="/error",http_response_status_code="503",error_type="503"`,
		`http_route="/known",http_response_status_code="404"`, `http_route="/panic",http_response_status_code="500",error_type="panic"`,
	} {
		require.Contains(t, text, `http_server_request_duration_seconds_count{http_request_method="GET",`+labels+"} 1\n")
	}
}

// Whatever clients ask for, the text does not grow beyond its bound: neither
// paths nor methods become labels.
func TestMetricsCardinality(t *testing.T) {
	m := middleware.Metrics(middleware.MetricsOptions{MaxSeries: 3})
	status := 200
	app := m.Watch(wherry.New()).Get("/:name", func(c *wherry.Context) error { return c.Text(status, "") })
	for i := range 100 {
		answerTo(t, app, fmt.Sprintf("GET /path%d HTTP/1.1", i))
		answerTo(t, app, fmt.Sprintf("M%d /a/b/c%d HTTP/1.1", i, i))
	}
	require.Equal(t, 2, strings.Count(string(m.AppendText(nil)), "_count{"))
	for status = 300; status < 400; status++ {
		answerTo(t, app, "GET /a HTTP/1.1")
	}
	text := string(m.AppendText(nil))
	require.Equal(t, 4, strings.Count(text, "_count{"))
	require.Contains(t, text, `http_server_request_duration_seconds_count{otel_metric_overflow="true"} 99`+"\n")
}

func TestMetricsEscaping(t *testing.T) {
	m := middleware.Metrics()
	app := m.Watch(wherry.New()).Get(`/a"b`, hello)
	if app.Build() != nil {
		t.Skip("no pattern holds a quote")
	}
	answerTo(t, app, "GET /a%22b HTTP/1.1")
	require.NotContains(t, string(m.AppendText(nil)), `a"b`)
}

func TestMetricsMistakes(t *testing.T) {
	for _, o := range []middleware.MetricsOptions{
		{Buckets: []float64{0}}, {Buckets: []float64{1, 1}}, {Buckets: []float64{2, 1}}, {MaxSeries: -1}, {Buckets: make([]float64, 101)},
	} {
		err := wherry.New().Get("/metrics", middleware.Metrics(o).Handler()).Build()
		require.ErrorContains(t, err, "middleware.Metrics", "%v", o)
	}
}

func ExampleMetrics() {
	m := middleware.Metrics()
	app := m.Watch(wherry.New()).
		Get("/tasks/:id", func(c *wherry.Context) error { return c.Text(200, "task") }).
		Get("/metrics", m.Handler())
	answers, err := app.Test("GET /tasks/7 HTTP/1.1\r\nHost: example.com\r\n\r\nGET /metrics HTTP/1.1\r\nHost: example.com\r\n\r\n")
	if err != nil {
		fmt.Println(err)
		return
	}
	for line := range strings.SplitSeq(string(answers[1].Body), "\n") {
		if strings.Contains(line, "_count{") {
			fmt.Println(line)
		}
	}
	// Output: http_server_request_duration_seconds_count{http_request_method="GET",http_route="/tasks/:id",http_response_status_code="200"} 1
}
