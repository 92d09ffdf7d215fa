package rest_test

import (
	"fmt"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"wherry.example/wherry"
	"wherry.example/wherry/examples/api/internal/adapters/memory"
	"wherry.example/wherry/examples/api/internal/adapters/rest"
	"wherry.example/wherry/examples/api/internal/domain"
	"wherry.example/wherry/examples/api/internal/service"
)

func TestLifeOfATask(t *testing.T) {
	f := newFixture(t)
	a := f.ask("POST /v1/tasks", `{"title":" tea ","notes":"green","due":"2026-05-01T15:00:00+02:00"}`, adaKey, isJSON)
	require.Equal(t, 201, a.Status)
	path := a.Headers.Get("Location")
	require.Equal(t, `"1"`, a.Headers.Get("ETag"))
	require.JSONEq(t, `{"id":"`+strings.TrimPrefix(path, "/v1/tasks/")+`","title":"tea","notes":"green","due":"2026-05-01T13:00:00Z",
		"status":"open","created":"2026-05-01T12:00:00Z","updated":"2026-05-01T12:00:00Z"}`, string(a.Body))

	got := f.ask("GET "+path, "", adaKey)
	require.Equal(t, 200, got.Status)
	require.Equal(t, a.Body, got.Body)
	require.Empty(t, f.ask("HEAD "+path, "", adaKey).Body)
	require.Equal(t, 304, f.ask("GET "+path, "", adaKey, `If-None-Match: "1"`).Status)

	a = f.ask("PUT "+path, `{"title":"tea","status":"done"}`, adaKey, isJSON, `If-Match: "1"`)
	require.Equal(t, 200, a.Status, "%s", a.Body)
	require.Equal(t, `"2"`, a.Headers.Get("ETag"))
	require.NotContains(t, string(a.Body), "due", "what is not given is gone")
	problemOf(t, f.ask("PUT "+path, `{"title":"tea!","status":"done"}`, adaKey, isJSON, `If-Match: "2"`), 409)
	require.Equal(t, 200, f.ask("GET "+path, "", adaKey, `If-None-Match: "1"`).Status)

	a = f.ask("DELETE "+path, "", adaKey, `If-Match: "2"`)
	require.Equal(t, 204, a.Status)
	require.Empty(t, a.Body)
	require.Equal(t, "There is no such task.", problemOf(t, f.ask("GET "+path, "", adaKey), 404).Detail)
	problemOf(t, f.ask("DELETE "+path, "", adaKey, `If-Match: "2"`), 404)
}

func TestInvalidContent(t *testing.T) {
	f := newFixture(t)
	path := f.made("tea")
	for _, tt := range []struct {
		name, content string
		status        int
		errors        []wherry.FieldError
	}{
		{"rules", `{"title":"","due":"2026-01-01T00:00:00Z","status":"x"}`, 422, []wherry.FieldError{
			{Pointer: "#/title", Detail: "must not be empty"}, {Pointer: "#/status", Detail: "must be open or done"},
			{Pointer: "#/due", Detail: "must not be in the past"}}},
		{"no time", `{"title":"a","due":"tomorrow"}`, 400, []wherry.FieldError{{Pointer: "#/due", Detail: "must be a time as in RFC 3339"}}},
		{"time as number", `{"title":"a","due":7}`, 400, []wherry.FieldError{{Pointer: "#/due", Detail: "must not be a number, or not this one"}}},
		{"type", `{"title":7}`, 400, []wherry.FieldError{{Pointer: "#/title", Detail: "must not be a number, or not this one"}}},
		{"unknown field", `{"title":"a","owner":"bob"}`, 400, []wherry.FieldError{{Detail: `the field "owner" is not known`}}},
		{"twice", `{"title":"a","title":"b"}`, 400, []wherry.FieldError{{Detail: `the name "title" appears twice`}}},
		{"no JSON", `{"title"`, 400, nil},
		{"not UTF-8", "{\"title\":\"\xff\"}", 400, nil},
		{"too large", `{"title":"` + strings.Repeat("a", 64<<10) + `"}`, 413, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := problemOf(t, f.ask("POST /v1/tasks", tt.content, adaKey, isJSON), tt.status)
			require.Equal(t, tt.errors, p.Errors)
			p = problemOf(t, f.ask("PUT "+path, tt.content, adaKey, isJSON, "If-Match: *"), tt.status)
			require.Equal(t, tt.errors, p.Errors)
		})
	}
	problemOf(t, f.ask("POST /v1/tasks", "", adaKey, isJSON), 400)
	problemOf(t, f.ask("POST /v1/tasks", "title=a", adaKey, "Content-Type: application/x-www-form-urlencoded"), 415)
	require.Equal(t, 200, f.ask("PUT "+path, `{"title":"tea","due":null}`, adaKey, isJSON, `If-Match: "1"`).Status, "nothing has changed it")
}

// TestLargestTask: the limit of the content does not forbid what the rules
// allow.
func TestLargestTask(t *testing.T) {
	f := newFixture(t)
	boat := `\ud83d\udea3` // one character
	content := `{"title":"` + strings.Repeat(boat, domain.MaxTitle) + `","notes":"` + strings.Repeat(boat, domain.MaxNotes) + `"}`
	require.Equal(t, 201, f.ask("POST /v1/tasks", content, adaKey, isJSON).Status)
}

func TestPreconditions(t *testing.T) {
	f := newFixture(t)
	path := f.made("tea") // its version stays 1, as PUT has no valid content
	for _, tt := range []struct {
		name   string
		fields []string
		status int
	}{
		{"none", nil, 428},
		{"another", []string{`If-Match: "2"`}, 412},
		{"weak", []string{`If-Match: W/"1"`}, 412},
		{"zeros", []string{`If-Match: "01"`}, 412},
		{"comma inside", []string{`If-Match: ",1,"`}, 412},
		{"empty tag", []string{`If-Match: ""`}, 412},
		{"any", []string{"If-Match: *"}, 422},
		{"this", []string{`If-Match: "1"`}, 422},
		{"in a list", []string{`If-Match: "7", W/"8" ,, "1"`}, 422},
		{"on two lines", []string{`If-Match: "7"`, `If-Match: "1"`}, 422},
		{"empty", []string{"If-Match:"}, 400},
		{"no quotes", []string{"If-Match: 1"}, 400},
		{"no end", []string{`If-Match: "1`}, 400},
		{"no comma", []string{`If-Match: "1""2"`}, 400},
		{"blank inside", []string{`If-Match: "1 2"`}, 400},
		{"any in a list", []string{`If-Match: "1", *`}, 400},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := problemOf(t, f.ask("PUT "+path, `{"title":""}`, append(tt.fields, adaKey, isJSON)...), tt.status)
			if tt.status == 400 {
				require.Equal(t, "If-Match", p.Errors[0].Parameter)
			}
			if tt.status != 422 {
				problemOf(t, f.ask("DELETE "+path, "", append(tt.fields, adaKey)...), tt.status)
			}
		})
	}
	require.Equal(t, 204, f.ask("DELETE "+path, "", adaKey, "If-Match: *").Status)
	problemOf(t, f.ask("DELETE "+path, "", adaKey, "If-Match: *"), 404)
	for _, id := range []string{"1", "%2e%2e", strings.Repeat("0", 5000)} {
		for _, method := range []string{"GET", "PUT", "DELETE"} {
			problemOf(t, f.ask(method+" /v1/tasks/"+id, "", adaKey, isJSON, "If-Match: *"), 400)
		}
	}
}

var linkPattern = regexp.MustCompile(`<([^>]*)>; rel="([a-z]*)"`)

// linksOf reads the Link field.
func linksOf(a *wherry.TestResponse) map[string]string {
	links := map[string]string{}
	for _, m := range linkPattern.FindAllStringSubmatch(a.Headers.Get("Link"), -1) {
		links[m[2]] = m[1]
	}
	return links
}

var titlePattern = regexp.MustCompile(`"title":"([^"]*)"`)

func titlesOf(a *wherry.TestResponse) (titles []string) {
	for _, m := range titlePattern.FindAllStringSubmatch(string(a.Body), -1) {
		titles = append(titles, m[1])
	}
	return titles
}

func TestPages(t *testing.T) {
	f := newFixture(t)
	for n := range 5 {
		f.made(fmt.Sprint(n))
	}
	all := titlesOf(f.ask("GET /v1/tasks", "", adaKey)) // of one moment, so in any order
	require.Len(t, all, 5)

	get := func(target string) (*wherry.TestResponse, map[string]string) {
		t.Helper()
		a := f.ask("GET "+target, "", adaKey)
		require.Equal(t, 200, a.Status, "%s", a.Body)
		return a, linksOf(a)
	}
	a, links := get("/v1/tasks?limit=2&status=open")
	require.Equal(t, all[:2], titlesOf(a))
	require.Equal(t, "/v1/tasks?limit=2&status=open", links["first"])
	require.NotContains(t, links, "prev")
	a, links = get(links["next"])
	require.Equal(t, all[2:4], titlesOf(a))
	a, last := get(links["next"])
	require.Equal(t, all[4:], titlesOf(a))
	require.NotContains(t, last, "next")
	a, links = get(last["prev"])
	require.Equal(t, all[2:4], titlesOf(a))
	a, links = get(links["prev"])
	require.Equal(t, all[:2], titlesOf(a))
	require.NotContains(t, links, "prev")
	require.Contains(t, links, "next")

	first, _ := get("/v1/tasks?limit=2")
	a = f.ask("GET /v1/tasks?limit=2", "", adaKey, "If-None-Match: "+first.Headers.Get("ETag"))
	require.Equal(t, 304, a.Status)
	require.NotEmpty(t, a.Headers.Get("Link"))
	a, links = get("/v1/tasks?status=done")
	require.Empty(t, titlesOf(a))
	require.Len(t, links, 1)
}

func TestInvalidPages(t *testing.T) {
	f := newFixture(t)
	id := string(domain.NewID(noon))
	for query, parameter := range map[string]string{
		"limit=0": "limit", "limit=101": "limit", "limit=x": "limit", "limit=": "limit", "limit=1&limit=2": "limit",
		"status=later": "status", "status=": "status", "after=x": "after", "before=": "before", "after=" + id + "&before=" + id: "before",
	} {
		p := problemOf(t, f.ask("GET /v1/tasks?"+query, "", adaKey), 400)
		require.Len(t, p.Errors, 1, query)
		require.Equal(t, parameter, p.Errors[0].Parameter, query)
	}
	require.Len(t, problemOf(t, f.ask("GET /v1/tasks?limit=0&status=x", "", adaKey), 400).Errors, 2)
}

func TestQuota(t *testing.T) {
	f := newFixture(t, func(o *rest.Options) {
		o.Service = service.New(&memory.Tasks{}, clock, 1)
	})
	path := f.made("tea")
	problemOf(t, f.ask("POST /v1/tasks", `{"title":"more"}`, adaKey, isJSON), 409)
	require.Equal(t, 201, f.ask("POST /v1/tasks", `{"title":"other"}`, bobKey, isJSON).Status)
	require.Equal(t, 204, f.ask("DELETE "+path, "", adaKey, "If-Match: *").Status)
	f.made("again")
}

func TestRepeatedPost(t *testing.T) {
	f := newFixture(t)
	post := func(content, key string) *wherry.TestResponse {
		return f.ask("POST /v1/tasks", content, key, isJSON, "Idempotency-Key: 7")
	}
	first, second := post(`{"title":"tea"}`, adaKey), post(`{"title":"tea"}`, adaKey)
	require.Equal(t, 201, first.Status)
	require.Equal(t, first.Body, second.Body)
	for _, name := range []string{"Location", "ETag"} {
		require.Equal(t, first.Headers.Get(name), second.Headers.Get(name))
	}
	require.Equal(t, "true", second.Headers.Get("Idempotency-Replayed"))
	problemOf(t, post(`{"title":"bread"}`, adaKey), 422)
	require.Equal(t, 201, post(`{"title":"bread"}`, bobKey).Status, "whose key it is counts")
	require.Len(t, titlesOf(f.ask("GET /v1/tasks", "", adaKey)), 1)
}

// TestRace: of those who change the same version one wins, and nobody's change
// is lost.
func TestRace(t *testing.T) {
	const racers = 8
	f := newFixture(t)
	path := f.made("0")
	statuses := make([]int, racers)
	var all sync.WaitGroup
	for n := range racers {
		all.Go(func() {
			answers, err := f.app.Test(raw("PUT "+path, fmt.Sprintf(`{"title":"%d"}`, n), adaKey, isJSON, `If-Match: "1"`) +
				raw("GET "+path, "", adaKey) + raw("GET /v1/tasks", "", adaKey) +
				raw("PUT "+path, `{"title":"any"}`, adaKey, isJSON, "If-Match: *"))
			if err == nil && len(answers) == 4 && answers[3].Status == 200 {
				statuses[n] = answers[0].Status
			}
		})
	}
	all.Wait()
	count := map[int]int{}
	for _, s := range statuses {
		count[s]++
	}
	require.Equal(t, map[int]int{200: 1, 412: racers - 1}, count)
	require.Equal(t, fmt.Sprintf("%q", fmt.Sprint(1+1+racers)), f.ask("GET "+path, "", adaKey).Headers.Get("ETag"))
}
