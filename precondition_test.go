package wherry_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"wherry.example/wherry"
)

// The time of modification in these tests, with a fraction that no field can
// say, and the seconds around it.
var modified = time.Date(2024, 5, 17, 10, 30, 15, 999e6, time.FixedZone("", 2*60*60))

const (
	dateBefore = "Fri, 17 May 2024 08:30:14 GMT"
	dateThen   = "Fri, 17 May 2024 08:30:15 GMT"
	dateAfter  = "Fri, 17 May 2024 08:30:16 GMT"
)

// conditional writes a request: "GET", and fields as "Name: value".
func conditional(method string, fields ...string) string {
	return method + " / HTTP/1.1\r\nHost: x\r\n" + strings.Join(append(fields, "", ""), "\r\n")
}

// guarded answers 200 with these validators unless a precondition is against
// it. A read has fields that describe its content set already.
func guarded(etag string, modified time.Time) *wherry.App {
	handler := func(c *wherry.Context) error {
		for _, name := range []string{"Content-Type", "Content-Encoding", "Content-Language", "Content-Disposition", "Content-Range",
			"Content-Digest", "Content-MD5", "Digest", "Repr-Digest", "Trailer"} {
			c.SetHeader(name, "x")
		}
		c.SetHeader("Content-Length", "4")
		c.SetTrailer("X-Sum", "1")
		for _, name := range []string{"Cache-Control", "Content-Location", "Expires", "Set-Cookie", "Vary", "X-Id"} {
			c.SetHeader(name, "x")
		}
		if answered, err := c.Precondition(etag, modified); answered {
			return err
		}
		*c.ResponseHeaders() = wherry.Headers{}
		return c.Text(200, "text")
	}
	app := quiet()
	for _, method := range []string{"GET", "HEAD", "PUT", "POST", "DELETE", "PATCH", "OPTIONS"} {
		app.Handle(method, "/", handler)
	}
	return app
}

func TestPrecondition(t *testing.T) {
	app := guarded(`"1"`, modified)
	for _, test := range []struct {
		field       string
		read, write int
	}{
		{`X: y`, 200, 200},
		{`If-Match: "0", "1"`, 200, 200},
		{`If-Match: "2"`, 412, 412},
		{`If-Match: 1`, 412, 400},
		{`If-Unmodified-Since: ` + dateThen, 200, 200},
		{`If-Unmodified-Since: ` + dateBefore, 412, 412},
		{`If-None-Match: W/"1"`, 304, 412},
		{`If-None-Match: *`, 304, 412},
		{`If-None-Match: "2"`, 200, 200},
		{`If-None-Match: 1`, 200, 400},
		{`If-Modified-Since: ` + dateThen, 304, 200},
		{`If-Modified-Since: ` + dateAfter, 304, 200},
		{`If-Modified-Since: ` + dateBefore, 200, 200},
	} {
		for method, want := range map[string]int{"GET": test.read, "HEAD": test.read, "PUT": test.write, "POST": test.write,
			"DELETE": test.write, "PATCH": test.write, "OPTIONS": 200} {
			r := ask(t, app, conditional(method, test.field))
			require.Equal(t, want, r.Status, "%s %s", method, test.field)
		}
	}
}

// TestPreconditionSecondOpinion: what is not malformed is decided as
// http.ServeContent decides it, which takes the first line of a field only.
func TestPreconditionSecondOpinion(t *testing.T) {
	values := map[string][]string{
		"If-Match":            {"", `"1"`, `"2"`, `W/"1"`, `*`, `"0", W/"2" ,,"1"`},
		"If-Unmodified-Since": {"", dateBefore, dateThen, dateAfter, "yesterday"},
		"If-None-Match":       {"", `"1"`, `"2"`, `W/"1"`, `*`, `"0", W/"1"`},
		"If-Modified-Since":   {"", dateBefore, dateThen, dateAfter, "yesterday"},
	}
	seen := map[int]int{}
	for _, etag := range []string{"", `"1"`, `W/"1"`} {
		for _, at := range []time.Time{{}, time.Unix(0, 0), modified} {
			app := guarded(etag, at)
			for _, method := range []string{"GET", "PUT"} {
				for _, fields := range combined(values) {
					theirs := secondOpinion(method, fields, etag, at)
					seen[theirs]++
					require.Equal(t, theirs, ask(t, app, conditional(method, fields...)).Status, "%s %q, %q %v", method, fields, etag, at)
				}
			}
		}
	}
	require.Len(t, seen, 3, "200, 304 and 412: %v", seen)
}

// combined returns each combination of fields; "" leaves one out.
func combined(values map[string][]string) [][]string {
	all := [][]string{nil}
	for _, name := range []string{"If-Match", "If-Unmodified-Since", "If-None-Match", "If-Modified-Since"} {
		var more [][]string
		for _, fields := range all {
			for _, value := range values[name] {
				next := append([]string(nil), fields...)
				if value != "" {
					next = append(next, name+": "+value)
				}
				more = append(more, next)
			}
		}
		all = more
	}
	return all
}

func secondOpinion(method string, fields []string, etag string, modified time.Time) int {
	r := httptest.NewRequest(method, "/", nil)
	for _, f := range fields {
		name, value, _ := strings.Cut(f, ": ")
		r.Header.Set(name, value)
	}
	w := httptest.NewRecorder()
	if etag != "" {
		w.Header().Set("ETag", etag)
	}
	http.ServeContent(w, r, "", modified, strings.NewReader("text"))
	return w.Code
}

func TestPreconditionFields(t *testing.T) {
	app := guarded(`"1"`, modified)
	for _, method := range []string{"GET", "HEAD"} {
		r := ask(t, app, conditional(method, `If-None-Match: "1"`))
		require.Equal(t, 304, r.Status)
		require.Empty(t, r.Body)
		names := map[string]bool{}
		for name := range r.Headers.All() {
			names[name] = true
		}
		require.Equal(t, map[string]bool{"Date": true, "ETag": true, "Cache-Control": true, "Content-Location": true,
			"Expires": true, "Set-Cookie": true, "Vary": true, "X-Id": true}, names, "section 15.4.5")
		require.Equal(t, `"1"`, r.Headers.Get("ETag"))
	}
	r := ask(t, guarded("", modified), conditional("GET", "If-Modified-Since: "+dateThen))
	require.Equal(t, 304, r.Status)
	require.Equal(t, dateThen, r.Headers.Get("Last-Modified"), "the only validator there is")
	require.False(t, r.Headers.Has("ETag"))

	r = ask(t, app, conditional("GET", `If-Match: "2"`, "Accept: text/plain"))
	require.Equal(t, "Precondition Failed: If-Match does not hold for the current state of the resource.\n", string(r.Body))
	require.False(t, r.Headers.Has("ETag"))
	r = ask(t, app, conditional("PUT", `If-None-Match: 2`))
	require.Contains(t, string(r.Body), `"errors":[{"parameter":"If-None-Match","detail":"must be * or a list of entity tags"}]`)
}

// TestPreconditionIdentifies: a read has its validators, a write does not.
func TestPreconditionIdentifies(t *testing.T) {
	handler := func(c *wherry.Context) error {
		if own := c.Header("X-Own"); own != "" {
			c.SetHeader("ETag", own)
			c.SetHeader("Last-Modified", dateBefore)
		}
		if answered, err := c.Precondition(`"1"`, modified); answered {
			return err
		}
		return c.Text(200, "text")
	}
	app := quiet().Get("/", handler).Put("/", handler).Get("/bare", func(c *wherry.Context) error {
		_, err := c.Precondition("", time.Time{})
		return err
	})
	bare := ask(t, app, "GET /bare HTTP/1.1\r\nHost: x\r\n\r\n")
	require.False(t, bare.Headers.Has("ETag") || bare.Headers.Has("Last-Modified"))
	for _, test := range []struct{ request, etag, date string }{
		{conditional("GET"), `"1"`, dateThen},
		{conditional("HEAD"), `"1"`, dateThen},
		{conditional("GET", `X-Own: W/"1"`), `W/"1"`, dateBefore},
		{conditional("PUT"), "", ""},
	} {
		r := ask(t, app, test.request)
		require.Equal(t, 200, r.Status)
		require.Equal(t, test.etag, r.Headers.Get("ETag"), test.request)
		require.Equal(t, test.date, r.Headers.Get("Last-Modified"), test.request)
	}
}

// TestPreconditionInTheFuture: such a time counts as now.
func TestPreconditionInTheFuture(t *testing.T) {
	now := time.Now()
	app := guarded("", now.Add(48*time.Hour))
	in := func(d time.Duration) string { return now.Add(d).UTC().Format(http.TimeFormat) }
	for field, want := range map[string]int{
		"If-Modified-Since: " + in(-time.Hour):     200,
		"If-Modified-Since: " + in(24*time.Hour):   304,
		"If-Unmodified-Since: " + in(-time.Hour):   412,
		"If-Unmodified-Since: " + in(24*time.Hour): 200,
	} {
		require.Equal(t, want, ask(t, app, conditional("GET", field)).Status, field)
	}
	r := ask(t, app, conditional("GET", "If-Modified-Since: "+in(24*time.Hour)))
	sent, err := http.ParseTime(r.Headers.Get("Last-Modified"))
	require.NoError(t, err)
	require.False(t, sent.After(time.Now()), "%s", sent)
}

func TestPreconditionMistakes(t *testing.T) {
	for _, etag := range []string{"1", `"1`, `W/1`, `"1", "2"`} {
		require.Equal(t, 500, ask(t, guarded(etag, modified), conditional("GET")).Status, etag)
	}
	app := quiet().Get("/", func(c *wherry.Context) error {
		if err := c.Flush(); err != nil {
			return err
		}
		answered, err := c.Precondition(`"1"`, time.Time{})
		require.True(t, answered)
		require.ErrorContains(t, err, "already begun")
		return nil
	})
	require.Equal(t, 200, ask(t, app, conditional("GET", "If-None-Match: *")).Status)
}

func TestPreconditionAbsent(t *testing.T) {
	handler := func(c *wherry.Context) error {
		if err := c.PreconditionAbsent(); err != nil {
			return err
		}
		return c.Status(201).NoContent()
	}
	app := quiet().Put("/", handler).Get("/", handler)
	for field, want := range map[string]int{
		`X: y`:                                201,
		`If-Match: *`:                         412,
		`If-Match: "1"`:                       412,
		`If-Match: 1`:                         400,
		`If-None-Match: *`:                    201,
		`If-None-Match: "1"`:                  201,
		`If-None-Match: 1`:                    400,
		`If-Unmodified-Since: ` + dateBefore:  201,
		`If-Modified-Since: ` + dateAfter:     201,
		"If-None-Match: *\r\nIf-Match: \"1\"": 412,
	} {
		require.Equal(t, want, ask(t, app, conditional("PUT", field)).Status, field)
	}
	require.Equal(t, 412, ask(t, app, conditional("GET", `If-Match: 1`)).Status)
	require.False(t, ask(t, app, conditional("GET")).Headers.Has("ETag"))
}

func TestIfRange(t *testing.T) {
	for _, test := range []struct {
		field, etag string
		modified    time.Time
		want        bool
	}{
		{`X: y`, "", time.Time{}, true},
		{`If-Range: "1"`, `"1"`, time.Time{}, true},
		{`If-Range: "1"`, `"2"`, modified, false},
		{`If-Range: "1"`, `W/"1"`, modified, false},
		{`If-Range: W/"1"`, `W/"1"`, modified, false},
		{`If-Range: ` + dateThen, `"1"`, modified, true},
		{`If-Range: ` + dateAfter, `"1"`, modified, false},
		{`If-Range: ` + dateThen, `"1"`, time.Time{}, false},
		{`If-Range: ` + time.Now().UTC().Format(http.TimeFormat), "", time.Now(), false},
		{`If-Range: ` + time.Now().Add(time.Hour).UTC().Format(http.TimeFormat), "", time.Now().Add(time.Hour), false},
		{`If-Range: Thu, 01 Jan 1970 00:00:00 GMT`, "", time.Unix(0, 0), false},
	} {
		got := !test.want
		app := quiet().Get("/", func(c *wherry.Context) error {
			got = c.IfRange(test.etag, test.modified)
			return nil
		})
		ask(t, app, conditional("GET", test.field))
		require.Equal(t, test.want, got, "%v", test)
	}
}

// TestPreconditionAllocations: evaluating costs none, once the fields of the
// answer have their room.
func TestPreconditionAllocations(t *testing.T) {
	most := -1.0
	app := quiet().Get("/", func(c *wherry.Context) error {
		c.SetHeader("Last-Modified", dateThen)
		most = testing.AllocsPerRun(100, func() {
			if answered, _ := c.Precondition(`"1"`, modified); answered || !c.IfRange(`"1"`, modified) {
				t.Error("not performed")
			}
		})
		return nil
	})
	ask(t, app, conditional("GET", `If-Match: "0", "1"`, `If-None-Match: W/"2"`, `If-Range: `+dateThen))
	require.Zero(t, most)
}

// A note is read with GET, changed with PUT by who has seen its version, and
// created with PUT by who knows of none.
func ExampleContext_Precondition() {
	note, version := "", 0
	etag := func() string { return fmt.Sprintf(`"%d"`, version) }
	app := wherry.New()
	app.Get("/note", func(c *wherry.Context) error {
		if version == 0 {
			return wherry.NewError(404, "")
		}
		if answered, err := c.Precondition(etag(), time.Time{}); answered {
			return err
		}
		return c.Text(200, note)
	})
	app.Put("/note", func(c *wherry.Context) error {
		body, err := c.BodyBytes()
		if err != nil {
			return err
		}
		if version == 0 {
			err = c.PreconditionAbsent()
		} else {
			_, err = c.Precondition(etag(), time.Time{})
		}
		if err != nil {
			return err
		}
		note, version = string(body), version+1
		c.SetHeader(wherry.HeaderETag, etag())
		return c.NoContent()
	})
	ask := func(line, field, content string) {
		answers, err := app.Test(fmt.Sprintf("%s HTTP/1.1\r\nHost: x\r\n%s\r\nContent-Length: %d\r\n\r\n%s", line, field, len(content), content))
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Printf("%d [%s]\n", answers[0].Status, answers[0].Headers.Get("ETag"))
	}
	ask("PUT /note", "If-None-Match: *", "tea")
	ask("PUT /note", "If-None-Match: *", "rum")
	ask("PUT /note", `If-Match: "1"`, "tea and rum")
	ask("PUT /note", `If-Match: "1"`, "no tea")
	ask("GET /note", `If-None-Match: "2"`, "")
	// Output:
	// 204 ["1"]
	// 412 []
	// 204 ["2"]
	// 412 []
	// 304 ["2"]
}
