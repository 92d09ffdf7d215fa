package conditional

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"wherry.example/wherry/internal/http1"
)

// lines are the fields of a request, as "Name: value".
type lines []string

func (l lines) Find(name string, i int) int {
	for ; i < len(l); i++ {
		if strings.HasPrefix(l[i], name+":") {
			return i
		}
	}
	return -1
}

func (l lines) Value(i int) []byte {
	_, value, _ := strings.Cut(l[i], ":")
	return []byte(strings.Trim(value, " \t"))
}

// The time of modification in the tests, in the three forms of section 5.6.7,
// and the seconds around it.
const (
	modified = 1715934615
	before   = "Fri, 17 May 2024 08:30:14 GMT"
	then     = "Fri, 17 May 2024 08:30:15 GMT"
	then850  = "Friday, 17-May-24 08:30:15 GMT"
	thenC    = "Fri May 17 08:30:15 2024"
	after    = "Fri, 17 May 2024 08:30:16 GMT"
)

// What there may be.
var (
	absent = Current{}
	bare   = Current{Exists: true}
	strong = Current{Exists: true, Tag: `"1"`, Modified: modified}
	weak   = Current{Exists: true, Tag: `W/"1"`, Modified: modified}
	tagged = Current{Exists: true, Tag: `"1"`}
	dated  = Current{Exists: true, Modified: modified}
)

var evaluations = []struct {
	name   string
	now    Current
	fields lines
	read   Verdict // for GET and HEAD
	write  Verdict
}{
	{"nothing", strong, nil, Perform, Perform},

	{"If-Match: the tag", strong, lines{`If-Match: "1"`}, Perform, Perform},
	{"If-Match: in a list", strong, lines{`If-Match: "0", "1"`}, Perform, Perform},
	{"If-Match: on the second line", strong, lines{`If-Match: "0"`, `Host: x`, `If-Match: "1"`}, Perform, Perform},
	{"If-Match: another", strong, lines{`If-Match: "2"`}, Failed, Failed},
	{"If-Match: weak in the field", strong, lines{`If-Match: W/"1"`}, Failed, Failed},
	{"If-Match: weak here", weak, lines{`If-Match: "1"`}, Failed, Failed},
	{"If-Match: weak both", weak, lines{`If-Match: W/"1"`}, Failed, Failed},
	{"If-Match: no tag here", dated, lines{`If-Match: "1"`}, Failed, Failed},
	{"If-Match: nothing here", absent, lines{`If-Match: "1"`}, Failed, Failed},
	{"If-Match: any", strong, lines{`If-Match: *`}, Perform, Perform},
	{"If-Match: any, no validators", bare, lines{`If-Match: *`}, Perform, Perform},
	{"If-Match: any, nothing here", absent, lines{`If-Match: *`}, Failed, Failed},
	{"If-Match: any, twice", strong, lines{`If-Match: *`, `If-Match: *`}, Failed, Malformed},
	{"If-Match: any in a list", strong, lines{`If-Match: "1", *`}, Perform, Malformed},
	{"If-Match: empty", strong, lines{`If-Match:`}, Failed, Malformed},
	{"If-Match: empty and not", strong, lines{`If-Match:`, `If-Match: "1"`}, Perform, Perform},
	{"If-Match: commas", strong, lines{`If-Match: ,,`}, Failed, Malformed},
	{"If-Match: no quotes", strong, lines{`If-Match: 1`}, Failed, Malformed},
	{"If-Match: no quotes, nothing here", absent, lines{`If-Match: 1`}, Failed, Malformed},

	{"If-Unmodified-Since: then", strong, lines{`If-Unmodified-Since: ` + then}, Perform, Perform},
	{"If-Unmodified-Since: after", strong, lines{`If-Unmodified-Since: ` + after}, Perform, Perform},
	{"If-Unmodified-Since: before", strong, lines{`If-Unmodified-Since: ` + before}, Failed, Failed},
	{"If-Unmodified-Since: before, no date here", tagged, lines{`If-Unmodified-Since: ` + before}, Perform, Perform},
	{"If-Unmodified-Since: 1960, no date here", tagged, lines{`If-Unmodified-Since: Fri, 01 Jan 1960 00:00:00 GMT`}, Perform, Perform},
	{"If-Unmodified-Since: before, nothing here", absent, lines{`If-Unmodified-Since: ` + before}, Perform, Perform},
	{"If-Unmodified-Since: malformed", strong, lines{`If-Unmodified-Since: yesterday`}, Perform, Perform},
	{"If-Unmodified-Since: twice", strong, lines{`If-Unmodified-Since: ` + before, `If-Unmodified-Since: ` + before}, Perform, Perform},
	{"If-Unmodified-Since: behind If-Match", strong, lines{`If-Unmodified-Since: ` + before, `If-Match: "1"`}, Perform, Perform},

	{"If-None-Match: the tag", strong, lines{`If-None-Match: "1"`}, NotModified, Failed},
	{"If-None-Match: weak in the field", strong, lines{`If-None-Match: W/"1"`}, NotModified, Failed},
	{"If-None-Match: weak here", weak, lines{`If-None-Match: "1"`}, NotModified, Failed},
	{"If-None-Match: another", strong, lines{`If-None-Match: "2"`}, Perform, Perform},
	{"If-None-Match: on the second line", strong, lines{`If-None-Match: "2"`, `If-None-Match: "1"`}, NotModified, Failed},
	{"If-None-Match: no tag here", dated, lines{`If-None-Match: "1"`}, Perform, Perform},
	{"If-None-Match: any", strong, lines{`If-None-Match: *`}, NotModified, Failed},
	{"If-None-Match: any, no validators", bare, lines{`If-None-Match: *`}, NotModified, Failed},
	{"If-None-Match: any, nothing here", absent, lines{`If-None-Match: *`}, Perform, Perform},
	{"If-None-Match: the tag, nothing here", absent, lines{`If-None-Match: "1"`}, Perform, Perform},
	{"If-None-Match: malformed", strong, lines{`If-None-Match: 1`}, Perform, Malformed},
	{"If-None-Match: malformed, nothing here", absent, lines{`If-None-Match: 1`}, Perform, Malformed},
	{"If-None-Match: malformed behind the tag", strong, lines{`If-None-Match: "1", 2`}, NotModified, Malformed},

	{"If-Modified-Since: then", strong, lines{`If-Modified-Since: ` + then}, NotModified, Perform},
	{"If-Modified-Since: then, RFC 850", strong, lines{`If-Modified-Since: ` + then850}, NotModified, Perform},
	{"If-Modified-Since: then, asctime", strong, lines{`If-Modified-Since: ` + thenC}, NotModified, Perform},
	{"If-Modified-Since: after", dated, lines{`If-Modified-Since: ` + after}, NotModified, Perform},
	{"If-Modified-Since: before", strong, lines{`If-Modified-Since: ` + before}, Perform, Perform},
	{"If-Modified-Since: no date here", tagged, lines{`If-Modified-Since: ` + after}, Perform, Perform},
	{"If-Modified-Since: nothing here", absent, lines{`If-Modified-Since: ` + after}, Perform, Perform},
	{"If-Modified-Since: malformed", strong, lines{`If-Modified-Since: 17 May 2024`}, Perform, Perform},
	{"If-Modified-Since: twice", strong, lines{`If-Modified-Since: ` + after, `If-Modified-Since: ` + after}, Perform, Perform},
	{"If-Modified-Since: behind If-None-Match", strong, lines{`If-Modified-Since: ` + after, `If-None-Match: "2"`}, Perform, Perform},
	{"If-Modified-Since: behind a malformed If-None-Match", strong, lines{`If-Modified-Since: ` + after, `If-None-Match: 2`}, Perform, Malformed},

	{"order: 1 before 3", strong, lines{`If-None-Match: "1"`, `If-Match: "2"`}, Failed, Failed},
	{"order: 2 before 3", strong, lines{`If-None-Match: "1"`, `If-Unmodified-Since: ` + before}, Failed, Failed},
	{"order: 1, then 3", strong, lines{`If-None-Match: "1"`, `If-Match: "1"`}, NotModified, Failed},
	{"order: 2, then 4", strong, lines{`If-Modified-Since: ` + then, `If-Unmodified-Since: ` + then}, NotModified, Perform},
	{"order: 1, then 4", strong, lines{`If-Modified-Since: ` + then, `If-Match: *`}, NotModified, Perform},
}

func TestEvaluate(t *testing.T) {
	for _, test := range evaluations {
		for reading, want := range map[bool]Verdict{true: test.read, false: test.write} {
			got, field := Evaluate(test.fields, reading, test.now)
			require.Equal(t, want, got, "%s, reading %v", test.name, reading)
			require.Equal(t, want == Perform, field == "", "%s: %q", test.name, field)
			require.True(t, field == "" || test.fields.Find(field, 0) >= 0, "%s: %q", test.name, field)
		}
	}
}

// TestEvaluateNames the field that decided, of several.
func TestEvaluateNames(t *testing.T) {
	for want, fields := range map[string]lines{
		ifMatch:           {`If-Match: "2"`, `If-None-Match: *`},
		ifUnmodifiedSince: {`If-None-Match: *`, `If-Unmodified-Since: ` + before},
		ifNoneMatch:       {`If-Match: "1"`, `If-None-Match: *`, `If-Modified-Since: ` + after},
		ifModifiedSince:   {`If-Match: "1"`, `If-Modified-Since: ` + after},
	} {
		_, field := Evaluate(fields, true, strong)
		require.Equal(t, want, field)
	}
}

func TestRange(t *testing.T) {
	for _, test := range []struct {
		name   string
		now    Current
		fields lines
		clock  int64
		want   bool
	}{
		{"no If-Range", bare, nil, modified, true},
		{"the tag", tagged, lines{`If-Range: "1"`}, 0, true},
		{"another", tagged, lines{`If-Range: "2"`}, 0, false},
		{"weak in the field", tagged, lines{`If-Range: W/"1"`}, 0, false},
		{"weak both", weak, lines{`If-Range: W/"1"`}, 0, false},
		{"weak here", weak, lines{`If-Range: "1"`}, 0, false},
		{"a list", tagged, lines{`If-Range: "1", "2"`}, 0, false},
		{"twice", tagged, lines{`If-Range: "1"`, `If-Range: "1"`}, 0, false},
		{"any", tagged, lines{`If-Range: *`}, 0, false},
		{"no end", tagged, lines{`If-Range: "1`}, 0, false},
		{"empty", bare, lines{`If-Range:`}, 0, false},
		{"no tag here", dated, lines{`If-Range: "1"`}, modified + 9, false},
		{"nothing here", absent, lines{`If-Range: "1"`}, 0, false},
		{"date", strong, lines{`If-Range: ` + then}, modified + 2, true},
		{"date, RFC 850", strong, lines{`If-Range: ` + then850}, modified + 2, true},
		{"date, asctime", strong, lines{`If-Range: ` + thenC}, modified + 2, true},
		{"date of a second ago", strong, lines{`If-Range: ` + then}, modified + 1, false},
		{"date before", strong, lines{`If-Range: ` + before}, modified + 9, false},
		{"date after", strong, lines{`If-Range: ` + after}, modified + 9, false},
		{"date, none here", tagged, lines{`If-Range: Thu, 01 Jan 1970 00:00:00 GMT`}, modified, false},
		{"date malformed", strong, lines{`If-Range: 17 May 2024`}, modified + 9, false},
	} {
		require.Equal(t, test.want, Range(test.fields, test.now, test.clock), test.name)
	}
}

func TestAllocations(t *testing.T) {
	var h http1.Head
	buf := []byte("GET / HTTP/1.1\r\nHost: x\r\nIf-Match: \"0\", W/\"2\", \"1\"\r\nIf-None-Match: \"3\"\r\nIf-Range: " + then + "\r\n\r\n")
	n, err := h.Parse(buf, &http1.Limits{HeadBytes: 1000, TargetBytes: 100, FieldLines: 10})
	require.NoError(t, err)
	require.Equal(t, len(buf), n)
	require.Zero(t, testing.AllocsPerRun(100, func() {
		if v, _ := Evaluate(&h, true, strong); v != Perform || !Range(&h, strong, modified+2) {
			t.Error("not performed")
		}
	}))
}
