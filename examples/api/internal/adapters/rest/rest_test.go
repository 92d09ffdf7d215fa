package rest_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"wherry.example/wherry"
	"wherry.example/wherry/examples/api/internal/adapters/memory"
	"wherry.example/wherry/examples/api/internal/adapters/rest"
	"wherry.example/wherry/examples/api/internal/domain"
	"wherry.example/wherry/examples/api/internal/ports"
	"wherry.example/wherry/examples/api/internal/service"
	"wherry.example/wherry/middleware"
)

const (
	adaKey = "Authorization: Bearer key-of-ada-0123456789"
	bobKey = "Authorization: Bearer key-of-bob-0123456789"
	isJSON = "Content-Type: application/json"
)

var noon = time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)

func clock() time.Time { return noon }

// fixture is the API with a clock that stands still and a log to look at.
type fixture struct {
	t   *testing.T
	app *wherry.App
	ops *wherry.App
	log *safeBuffer
}

func newFixture(t *testing.T, change ...func(*rest.Options)) *fixture {
	t.Helper()
	f := &fixture{t: t, log: &safeBuffer{}}
	o := options(&memory.Tasks{}, f.log)
	for _, c := range change {
		c(&o)
	}
	f.app, f.ops = rest.New(o), rest.NewOps(o.Metrics, o.Logger)
	require.NoError(t, f.app.Build())
	return f
}

func options(tasks ports.Tasks, log *safeBuffer) rest.Options {
	return rest.Options{
		Service:  service.New(tasks, clock, 50),
		Ready:    tasks.Ping,
		Keys:     map[string]string{"ada": "key-of-ada-0123456789", "bob": "key-of-bob-0123456789"},
		Origins:  []string{"https://pages.example"},
		Rate:     10_000,
		Timeout:  5 * time.Second,
		Shutdown: 5 * time.Second,
		Metrics:  middleware.Metrics(),
		Logger:   slog.New(slog.NewJSONHandler(log, nil)),
	}
}

// over puts other tasks behind the API.
func over(tasks ports.Tasks) func(*rest.Options) {
	return func(o *rest.Options) { o.Service, o.Ready = options(tasks, nil).Service, tasks.Ping }
}

type safeBuffer struct {
	mu  sync.Mutex // guards the following
	buf bytes.Buffer
}

func (b *safeBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *safeBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

// raw writes a request; request is its method and target.
func raw(request, content string, fields ...string) string {
	head := request + " HTTP/1.1\r\nHost: tasks.example\r\n"
	for _, f := range fields {
		head += f + "\r\n"
	}
	if content != "" {
		head += fmt.Sprintf("Content-Length: %d\r\n", len(content))
	}
	return head + "\r\n" + content
}

func (f *fixture) ask(request, content string, fields ...string) *wherry.TestResponse {
	f.t.Helper()
	answers, err := f.app.Test(raw(request, content, fields...))
	require.NoError(f.t, err)
	require.Len(f.t, answers, 1)
	return answers[0]
}

// made makes a task of Ada's and returns its path.
func (f *fixture) made(title string) string {
	f.t.Helper()
	a := f.ask("POST /v1/tasks", `{"title":"`+title+`"}`, adaKey, isJSON)
	require.Equal(f.t, 201, a.Status, "%s", a.Body)
	return a.Headers.Get("Location")
}

// problem is what a client reads of a mistake.
type problem struct {
	Title  string              `json:"title"`
	Status int                 `json:"status"`
	Detail string              `json:"detail"`
	Errors []wherry.FieldError `json:"errors"`
}

func problemOf(t *testing.T, a *wherry.TestResponse, status int) (p problem) {
	t.Helper()
	require.Equal(t, status, a.Status, "%s", a.Body)
	require.Equal(t, "application/problem+json", a.Headers.Get("Content-Type"))
	require.NoError(t, json.Unmarshal(a.Body, &p))
	require.Equal(t, status, p.Status)
	require.NotEmpty(t, p.Title)
	return p
}

func TestProbes(t *testing.T) {
	f := newFixture(t)
	for _, path := range []string{"/livez", "/readyz", "/startupz"} {
		require.Equal(t, 200, f.ask("GET "+path, "").Status, "no key is asked for at %s", path)
	}
	require.NotContains(t, f.log.String(), "livez", "probes are not logged")
	f = newFixture(t, func(o *rest.Options) {
		o.Ready = func(context.Context) error { return errors.New("database at 10.1.2.3 is gone") }
	})
	a := f.ask("GET /readyz?verbose", "")
	require.Equal(t, 503, a.Status)
	require.Contains(t, string(a.Body), "[-] tasks failed")
	require.NotContains(t, string(a.Body), "10.1.2.3")
	require.Equal(t, 200, f.ask("GET /livez", "").Status)
}

func TestKeys(t *testing.T) {
	f := newFixture(t)
	for _, fields := range [][]string{nil, {"Authorization: Bearer wrong"}, {"Authorization: Basic " + "eDp5"}, {adaKey, bobKey}} {
		a := f.ask("GET /v1/tasks", "", fields...)
		problemOf(t, a, 401)
		require.Contains(t, a.Headers.Get("WWW-Authenticate"), `Bearer realm="tasks"`)
	}
	require.Equal(t, 200, f.ask("GET /v1/tasks", "", adaKey).Status)
}

func TestOwnersAreApart(t *testing.T) {
	f := newFixture(t)
	path := f.made("secret")
	problemOf(t, f.ask("GET "+path, "", bobKey), 404)
	problemOf(t, f.ask("PUT "+path, `{"title":"mine"}`, bobKey, isJSON, "If-Match: *"), 404)
	problemOf(t, f.ask("DELETE "+path, "", bobKey, "If-Match: *"), 404)
	require.Equal(t, `{"tasks":[]}`, string(f.ask("GET /v1/tasks", "", bobKey).Body))
	require.Equal(t, 200, f.ask("GET "+path, "", adaKey).Status)
}

func TestFieldsOfAnswers(t *testing.T) {
	f := newFixture(t)
	a := f.ask("GET /v1/tasks", "", adaKey, "X-Request-Id: forged")
	require.Equal(t, "private, no-cache", a.Headers.Get("Cache-Control"))
	require.Equal(t, "nosniff", a.Headers.Get("X-Content-Type-Options"))
	require.Contains(t, a.Headers.Get("Content-Security-Policy"), "default-src 'none'")
	id := a.Headers.Get("X-Request-Id")
	require.Len(t, id, 32)
	require.Contains(t, f.log.String(), `"request_id":"`+id+`"`)
	require.Contains(t, f.log.String(), `"client":"ada"`)
	require.NotContains(t, f.log.String(), "key-of-ada")
}

func TestRoutes(t *testing.T) {
	f := newFixture(t)
	problemOf(t, f.ask("GET /v1/nothing", "", adaKey), 404)
	a := f.ask("PATCH /v1/tasks", "{}", adaKey, isJSON)
	problemOf(t, a, 405)
	require.Equal(t, "GET, HEAD, OPTIONS, POST", a.Headers.Get("Allow"))
	problemOf(t, f.ask("GET /metrics", "", adaKey), 404)
	a = f.ask("GET /v1/nothing", "", "Accept: text/plain")
	require.Equal(t, "text/plain; charset=utf-8", a.Headers.Get("Content-Type"))
}

func TestCORS(t *testing.T) {
	f := newFixture(t)
	preflight := []string{"Access-Control-Request-Method: PUT", "Access-Control-Request-Headers: authorization,if-match"}
	a := f.ask("OPTIONS /v1/tasks/1", "", append(preflight, "Origin: https://pages.example")...)
	require.Equal(t, 204, a.Status, "a preflight has no key")
	require.Equal(t, "https://pages.example", a.Headers.Get("Access-Control-Allow-Origin"))
	require.Equal(t, 403, f.ask("OPTIONS /v1/tasks/1", "", append(preflight, "Origin: https://evil.example")...).Status)
	a = f.ask("GET /v1/tasks", "", "Origin: https://pages.example")
	require.Equal(t, 401, a.Status)
	require.Equal(t, "https://pages.example", a.Headers.Get("Access-Control-Allow-Origin"), "pages can read refusals")
	require.Contains(t, a.Headers.Get("Access-Control-Expose-Headers"), "ETag")
	a = newFixture(t, func(o *rest.Options) { o.Origins = nil }).ask("GET /v1/tasks", "", adaKey, "Origin: https://pages.example")
	require.Empty(t, a.Headers.Get("Access-Control-Allow-Origin"))
}

func TestRateLimit(t *testing.T) {
	f := newFixture(t, func(o *rest.Options) { o.Rate = 2 })
	for range 2 {
		require.Equal(t, 401, f.ask("GET /v1/tasks", "", "Authorization: Bearer guess").Status)
	}
	a := f.ask("GET /v1/tasks", "", adaKey)
	problemOf(t, a, 429)
	require.NotEmpty(t, a.Headers.Get("Retry-After"), "guessing keys is limited too")
	require.Equal(t, 200, f.ask("GET /livez", "").Status, "probes are not")
}

func TestMetrics(t *testing.T) {
	f := newFixture(t)
	f.ask("GET "+f.made("tea"), "", adaKey)
	answers, err := f.ops.Test(raw("GET /metrics", ""))
	require.NoError(t, err)
	require.Contains(t, string(answers[0].Body),
		`http_server_request_duration_seconds_count{http_request_method="GET",http_route="/v1/tasks/:id",http_response_status_code="200"} 1`)
}

// slow is a database that does not answer in time.
type slow struct{ ports.Tasks }

func (slow) Find(ctx context.Context, _ string, _ domain.ID) (domain.Task, error) {
	<-ctx.Done()
	return domain.Task{}, ctx.Err()
}

// gone is a database that fails, or worse.
type gone struct{ ports.Tasks }

func (gone) Find(context.Context, string, domain.ID) (domain.Task, error) {
	panic("nil map at 10.1.2.3")
}

func (gone) Select(context.Context, string, ports.Selection) ([]domain.Task, bool, error) {
	return nil, false, errors.New("database at 10.1.2.3 is gone")
}

func TestFailures(t *testing.T) {
	path := "GET /v1/tasks/" + string(domain.NewID(noon))
	f := newFixture(t, over(slow{&memory.Tasks{}}), func(o *rest.Options) { o.Timeout = time.Millisecond })
	problemOf(t, f.ask(path, "", adaKey), 503)

	f = newFixture(t, over(gone{&memory.Tasks{}}))
	for _, request := range []string{path, "GET /v1/tasks"} {
		a := f.ask(request, "", adaKey)
		require.Empty(t, problemOf(t, a, 500).Detail)
		require.NotContains(t, string(a.Body), "10.1.2.3")
		require.NotEmpty(t, a.Headers.Get("X-Request-Id"))
	}
	require.Equal(t, 4, strings.Count(f.log.String(), `"level":"ERROR"`), "each reported once, and in the access log:\n%s", f.log)
}

func TestMistakesOfTheOperator(t *testing.T) {
	for part, change := range map[string]func(*rest.Options){
		"KeyAuth":       func(o *rest.Options) { o.Keys = nil },
		"CORS":          func(o *rest.Options) { o.Origins = []string{"*.example"} },
		"RateLimit":     func(o *rest.Options) { o.Rate = 0 },
		"Timeout":       func(o *rest.Options) { o.Timeout = 0 },
		"ShutdownDelay": func(o *rest.Options) { o.ShutdownDelay = time.Hour },
	} {
		o := options(&memory.Tasks{}, &safeBuffer{})
		change(&o)
		require.ErrorContains(t, rest.New(o).Build(), part)
	}
}
