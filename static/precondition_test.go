package static_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"wherry.example/wherry/static"
)

const (
	dateBefore = "Fri, 17 May 2024 08:30:14 GMT"
	dateAfter  = "Fri, 17 May 2024 08:30:16 GMT"
)

// preconditions go through RFC 9110 section 13.2.2 step by step. In the
// fields, ETAG stands for the entity tag of the file.
var preconditions = []struct {
	status int
	fields []string
}{
	// Step 1: If-Match, by strong comparison.
	{200, []string{`If-Match: ETAG`}},
	{200, []string{`If-Match: *`}},
	{200, []string{`If-Match: "x", ETAG`}},
	{200, []string{`If-Match: "a,b",ETAG , "c"`}},
	{200, []string{`If-Match: "x"`, `If-Match: ETAG`}},
	{412, []string{`If-Match: "x"`}},
	{412, []string{`If-Match: W/ETAG`}},
	{412, []string{`If-Match: `}},
	{412, []string{`If-Match: x, ETAG`}},
	{412, []string{`If-Match: "x" ETAG`}},
	{412, []string{`If-Match: "x`}},
	{412, []string{`If-Match: *, *`}},
	// Step 2: If-Unmodified-Since, without If-Match only.
	{200, []string{"If-Unmodified-Since: " + writtenDate}},
	{200, []string{"If-Unmodified-Since: " + dateAfter}},
	{412, []string{"If-Unmodified-Since: " + dateBefore}},
	{200, []string{"If-Unmodified-Since: yesterday"}},
	{200, []string{"If-Unmodified-Since: " + dateBefore, "If-Unmodified-Since: " + dateBefore}},
	{200, []string{"If-Match: ETAG", "If-Unmodified-Since: " + dateBefore}},
	{412, []string{`If-Match: "x"`, "If-Unmodified-Since: " + dateAfter}},
	// Step 3: If-None-Match, by weak comparison.
	{304, []string{`If-None-Match: ETAG`}},
	{304, []string{`If-None-Match: W/ETAG`}},
	{304, []string{`If-None-Match: *`}},
	{304, []string{`If-None-Match: "x",, W/"y" , ETAG`}},
	{304, []string{`If-None-Match: "x"`, `If-None-Match: ETAG`}},
	{200, []string{`If-None-Match: "x"`}},
	{200, []string{`If-None-Match: w/ETAG`}},
	{200, []string{`If-None-Match: W/`}},
	// Step 4: If-Modified-Since, without If-None-Match only.
	{304, []string{"If-Modified-Since: " + writtenDate}},
	{304, []string{"If-Modified-Since: " + dateAfter}},
	{200, []string{"If-Modified-Since: " + dateBefore}},
	{200, []string{"If-Modified-Since: 17 May 2024"}},
	{200, []string{"If-Modified-Since: " + writtenDate, "If-Modified-Since: " + writtenDate}},
	{200, []string{`If-None-Match: "x"`, "If-Modified-Since: " + dateAfter}},
	{304, []string{"If-None-Match: ETAG", "If-Modified-Since: " + dateBefore}},
	// The two old forms of a date, section 5.6.7.
	{304, []string{"If-Modified-Since: Friday, 17-May-24 08:30:15 GMT"}},
	{200, []string{"If-Modified-Since: Friday, 17-May-24 08:30:14 GMT"}},
	{304, []string{"If-Modified-Since: Fri May 17 08:30:15 2024"}},
	// Order of the steps.
	{412, []string{`If-Match: "x"`, `If-None-Match: *`}},
	{412, []string{"If-Unmodified-Since: " + dateBefore, `If-None-Match: *`}},
	{304, []string{"If-Match: *", `If-None-Match: *`}},
	{304, []string{"If-Unmodified-Since: " + dateAfter, "If-Modified-Since: " + writtenDate}},
	// Step 5: If-Range.
	{206, []string{"Range: bytes=1-2"}},
	{206, []string{"Range: bytes=1-2", "If-Range: ETAG"}},
	{200, []string{"Range: bytes=1-2", "If-Range: W/ETAG"}},
	{200, []string{"Range: bytes=1-2", `If-Range: "x"`}},
	{200, []string{"Range: bytes=1-2", `If-Range: ETAG, "x"`}},
	{200, []string{"Range: bytes=1-2", `If-Range: ETAG`, `If-Range: ETAG`}},
	{200, []string{"Range: bytes=1-2", `If-Range: *`}},
	{206, []string{"Range: bytes=1-2", "If-Range: " + writtenDate}},
	{200, []string{"Range: bytes=1-2", "If-Range: " + dateAfter}},
	{200, []string{"Range: bytes=1-2", "If-Range: " + dateBefore}},
	{200, []string{"Range: bytes=99-", `If-Range: "x"`}},
	{416, []string{"Range: bytes=99-", `If-Range: ETAG`}},
	{200, []string{"If-Range: ETAG"}},
	{412, []string{"Range: bytes=1-2", `If-Match: "x"`, "If-Range: ETAG"}},
	{304, []string{"Range: bytes=1-2", `If-None-Match: ETAG`, "If-Range: ETAG"}},
}

func TestPreconditions(t *testing.T) {
	dir := tree(t, map[string]string{"a.txt": digits})
	app := appOf("/**", static.Dir(dir))
	etag := ask(t, app, "GET /a.txt").Headers.Get("ETag")
	for _, tc := range preconditions {
		fields := make([]string, len(tc.fields))
		for i, f := range tc.fields {
			fields[i] = strings.ReplaceAll(f, "ETAG", etag)
		}
		r := ask(t, app, "GET /a.txt", fields...)
		require.Equal(t, tc.status, r.Status, "%q", tc.fields)
		if tc.status == 304 {
			require.Equal(t, etag, r.Headers.Get("ETag"))
			require.Empty(t, r.Body)
			require.False(t, r.Headers.Has("Content-Type"))
		}
		if tc.status != 206 {
			head := ask(t, app, "HEAD /a.txt", fields...)
			require.Equal(t, min(tc.status, 412), min(head.Status, 412)+lost(tc.status, head.Status), "%q", tc.fields)
		}
	}
}

// lost is what a HEAD may lack: a 416, as it has no ranges.
func lost(get, head int) int {
	if get == 416 && head == 200 {
		return 412 - 200
	}
	return 0
}

func TestNotModifiedKeepsVary(t *testing.T) {
	app := appOf("/**", static.Dir(tree(t, map[string]string{"a.txt": "a", "a.txt.gz": "z"})))
	r := ask(t, app, "GET /a.txt", "If-None-Match: *")
	require.Equal(t, 304, r.Status)
	require.Equal(t, "Accept-Encoding", r.Headers.Get("Vary"))
	require.Equal(t, "no-cache", r.Headers.Get("Cache-Control"))
}

// TestTimeInTheFuture: Last-Modified is never later than Date, and such a file
// is never taken for unchanged because of a date.
func TestTimeInTheFuture(t *testing.T) {
	dir := t.TempDir()
	future := time.Now().Add(48 * time.Hour)
	write(t, filepath.Join(dir, "a.txt"), "a", future)
	app := appOf("/**", static.Dir(dir))
	r := ask(t, app, "GET /a.txt")
	sent, err := time.Parse(time.RFC1123, r.Headers.Get("Last-Modified"))
	require.NoError(t, err)
	require.False(t, sent.After(time.Now()), "%s", sent)
	yesterday := time.Now().Add(-24 * time.Hour).UTC().Format("Mon, 02 Jan 2006 15:04:05 GMT")
	require.Equal(t, 200, ask(t, app, "GET /a.txt", "If-Modified-Since: "+yesterday).Status)
	tomorrow := time.Now().Add(24 * time.Hour).UTC().Format("Mon, 02 Jan 2006 15:04:05 GMT")
	require.Equal(t, 200, ask(t, app, "GET /a.txt", "If-Unmodified-Since: "+tomorrow).Status, "it counts as modified now")
	require.Equal(t, 200, ask(t, app, "GET /a.txt", "Range: bytes=0-0", "If-Range: "+r.Headers.Get("Last-Modified")).Status)
}

// TestETags: each version and each representation has its own.
func TestETags(t *testing.T) {
	dir := tree(t, map[string]string{"a.txt": "one", "a.txt.gz": "ONE"})
	app := appOf("/**", static.Dir(dir, static.Options{Memory: -1}))
	tag := func(fields ...string) string { return ask(t, app, "GET /a.txt", fields...).Headers.Get("ETag") }
	first := tag()
	require.Equal(t, first, tag())
	coded := tag("Accept-Encoding: gzip")
	require.NotEqual(t, first, coded)
	require.Equal(t, 200, ask(t, app, "GET /a.txt", "Accept-Encoding: gzip", "If-None-Match: "+first).Status)
	require.Equal(t, 304, ask(t, app, "GET /a.txt", "Accept-Encoding: gzip", "If-None-Match: "+coded).Status)

	file := filepath.Join(dir, "a.txt")
	require.NoError(t, os.Chtimes(file, written, written.Add(time.Nanosecond)))
	require.NotEqual(t, first, tag(), "one nanosecond later")
	write(t, file, "four", written)
	require.NotEqual(t, first, tag(), "one byte longer")
	write(t, file, "ten", written)
	require.Equal(t, first, tag(), "the same size and time are all there is to go by")
}

// TestTimesThatMeanNothing: builds that set all files to one early time must
// not give two versions one ETag.
func TestTimesThatMeanNothing(t *testing.T) {
	for _, mtime := range []time.Time{time.Unix(0, 0), time.Unix(1, 0), time.Date(1980, 1, 1, 0, 0, 0, 0, time.UTC)} {
		dir := t.TempDir()
		file := filepath.Join(dir, "a.txt")
		app := appOf("/**", static.Dir(dir, static.Options{Memory: -1}))
		write(t, file, "one", mtime)
		first := ask(t, app, "GET /a.txt")
		require.False(t, first.Headers.Has("Last-Modified"))
		require.Equal(t, 304, ask(t, app, "GET /a.txt", "If-None-Match: "+first.Headers.Get("ETag")).Status)
		require.Equal(t, 200, ask(t, app, "GET /a.txt", "If-Modified-Since: "+dateAfter).Status)
		require.Equal(t, 200, ask(t, app, "GET /a.txt", "If-Unmodified-Since: Fri, 01 Jan 1960 00:00:00 GMT").Status)
		write(t, file, "two", mtime)
		require.NotEqual(t, first.Headers.Get("ETag"), ask(t, app, "GET /a.txt").Headers.Get("ETag"), mtime)
	}
}
