package static_test

import (
	"bytes"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/textproto"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"wherry.example/wherry"
	"wherry.example/wherry/static"
)

const digits = "0123456789"

// ranges are Range fields for content of ten digits. want is the parts that
// are sent; nil means everything, with 200, and none means 416.
var ranges = []struct {
	field string
	want  []string
}{
	{"bytes=0-0", []string{"0"}},
	{"bytes=0-3", []string{"0123"}},
	{"bytes=4-", []string{"456789"}},
	{"bytes=0-", []string{digits}},
	{"bytes=-3", []string{"789"}},
	{"bytes=-10", []string{digits}},
	{"bytes=-100", []string{digits}},
	{"bytes=9-9", []string{"9"}},
	{"bytes=5-100", []string{"56789"}},
	{"bytes=5-99999999999999999999999", []string{"56789"}},
	{"bytes=-99999999999999999999999", []string{digits}},
	{"BYTES=1-2", []string{"12"}},
	{"bytes= 1-2 ", []string{"12"}},
	{"bytes=,1-2,", []string{"12"}},
	{"bytes=007-0008", []string{"78"}},

	{"bytes=0-1,4-5", []string{"01", "45"}},
	{"bytes=8-,0-1", []string{"89", "01"}},
	{"bytes=0-1 , -1", []string{"01", "9"}},
	{"bytes=0-1,20-30", []string{"01"}},
	{"bytes=20-30,0-1,-0", []string{"01"}},
	{"bytes=0-3,2-5", []string{"012345"}},
	{"bytes=2-5,0-3", []string{"012345"}},
	{"bytes=0-1,2-3", []string{"0123"}},
	{"bytes=0-9,3-4", []string{digits}},
	{"bytes=3-4,0-9", []string{digits}},
	{"bytes=0-1,8-9,4-5,1-8", []string{digits}},
	{"bytes=8-9,0-1,4-5,1-4", []string{"89", "012345"}},
	{"bytes=" + strings.Repeat("0-9,", 16), []string{digits}},
	{"bytes=" + strings.Repeat("0-0,9-9,", 8), []string{"0", "9"}},

	{"bytes=10-", []string{}},
	{"bytes=10-20,30-", []string{}},
	{"bytes=-0", []string{}},
	{"bytes=99999999999999999999999-", []string{}},

	{"bytes=" + strings.Repeat("0-9,", 17), nil},
	{"bytes=3-2", nil},
	{"bytes=0-1,3-2", nil},
	{"bytes=", nil},
	{"bytes=,", nil},
	{"bytes=-", nil},
	{"bytes=a-b", nil},
	{"bytes=1", nil},
	{"bytes=1-2-3", nil},
	{"bytes=--1", nil},
	{"bytes=+1-2", nil},
	{"bytes=1 -2", nil},
	{"bytes=0x1-2", nil},
	{"bytes 0-1", nil},
	{"bytes", nil},
	{"octets=0-1", nil},
	{"bytes =0-1", nil},
}

func TestRanges(t *testing.T) {
	dir := tree(t, map[string]string{"digits.txt": digits})
	kept, read := appOf("/**", static.Dir(dir)), appOf("/**", static.Dir(dir, static.Options{Memory: -1}))
	for _, tc := range ranges {
		for _, app := range []*wherry.App{kept, read} {
			r := ask(t, app, "GET /digits.txt", "Range: "+tc.field)
			switch {
			case tc.want == nil:
				require.Equal(t, 200, r.Status, tc.field)
				require.Equal(t, digits, string(r.Body), tc.field)
				require.False(t, r.Headers.Has("Content-Range"), tc.field)
			case len(tc.want) == 0:
				require.Equal(t, 416, r.Status, tc.field)
				require.Equal(t, "bytes */10", r.Headers.Get("Content-Range"), tc.field)
				require.NotContains(t, string(r.Body), digits[:2], tc.field)
				require.False(t, r.Headers.Has("ETag"), tc.field)
			case len(tc.want) == 1:
				require.Equal(t, 206, r.Status, tc.field)
				require.Equal(t, tc.want[0], string(r.Body), tc.field)
				require.Equal(t, contentRange(tc.want[0]), r.Headers.Get("Content-Range"), tc.field)
				require.Equal(t, "text/plain; charset=utf-8", r.Headers.Get("Content-Type"))
			default:
				require.Equal(t, tc.want, bodies(partsOf(t, r)), tc.field)
			}
			require.Equal(t, fmt.Sprint(len(r.Body)), r.Headers.Get("Content-Length"), tc.field)
		}
	}
}

func contentRange(part string) string {
	at := strings.Index(digits, part)
	return fmt.Sprintf("bytes %d-%d/10", at, at+len(part)-1)
}

type bodyPart struct {
	header textproto.MIMEHeader
	body   string
}

// partsOf reads a multipart answer.
func partsOf(t *testing.T, r *wherry.TestResponse) (parts []bodyPart) {
	t.Helper()
	require.Equal(t, 206, r.Status)
	require.False(t, r.Headers.Has("Content-Range"), "it stands in the parts, RFC 9110 section 15.3.7.2")
	mediaType, params, err := mime.ParseMediaType(r.Headers.Get("Content-Type"))
	require.NoError(t, err)
	require.Equal(t, "multipart/byteranges", mediaType)
	reader := multipart.NewReader(bytes.NewReader(r.Body), params["boundary"])
	for {
		part, err := reader.NextRawPart()
		if err == io.EOF {
			return parts
		}
		require.NoError(t, err)
		content, err := io.ReadAll(part)
		require.NoError(t, err)
		parts = append(parts, bodyPart{part.Header, string(content)})
	}
}

func bodies(parts []bodyPart) (all []string) {
	for _, p := range parts {
		all = append(all, p.body)
	}
	return all
}

func TestPartsAreDescribed(t *testing.T) {
	app := appOf("/**", static.Dir(tree(t, map[string]string{"digits.txt": digits})))
	r := ask(t, app, "GET /digits.txt", "Range: bytes=7-,0-2")
	parts := partsOf(t, r)
	require.Len(t, parts, 2)
	require.Equal(t, "bytes 7-9/10", parts[0].header.Get("Content-Range"))
	require.Equal(t, "bytes 0-2/10", parts[1].header.Get("Content-Range"))
	require.Equal(t, "text/plain; charset=utf-8", parts[1].header.Get("Content-Type"))
	require.NotEmpty(t, r.Headers.Get("ETag"))
	require.Equal(t, "bytes", r.Headers.Get("Accept-Ranges"))
	again := ask(t, app, "GET /digits.txt", "Range: bytes=7-,0-2")
	require.NotEqual(t, r.Headers.Get("Content-Type"), again.Headers.Get("Content-Type"), "a boundary cannot be guessed")
}

func TestRangeOddities(t *testing.T) {
	app := appOf("/**", static.Dir(tree(t, map[string]string{"digits.txt": digits, "empty.txt": ""})))
	for _, field := range []string{"bytes=0-", "bytes=-1", "bytes=5-6"} {
		r := ask(t, app, "GET /empty.txt", "Range: "+field)
		require.Equal(t, 200, r.Status, field)
		require.Empty(t, r.Body)
	}
	r := ask(t, app, "GET /digits.txt", "Range: bytes=0-1", "Range: bytes=2-3")
	require.Equal(t, 200, r.Status, "Range is no list field")
	require.Equal(t, 304, ask(t, app, "GET /digits.txt", "Range: bytes=0-1", "If-None-Match: *").Status)
	require.Equal(t, 412, ask(t, app, "GET /digits.txt", "Range: bytes=99-", `If-Match: "x"`).Status)
	require.Equal(t, 404, ask(t, app, "GET /none.txt", "Range: bytes=0-1").Status)
}

func FuzzParseRange(f *testing.F) {
	for _, tc := range ranges {
		f.Add(tc.field, int64(len(digits)))
	}
	f.Add("bytes=9223372036854775806-9223372036854775807,0-1", int64(1<<62))
	f.Add("bytes=0-9223372036854775807,-9223372036854775807", int64(0))
	f.Fuzz(func(t *testing.T, field string, size int64) {
		if size < 0 || size > 1<<62 {
			t.Skip()
		}
		parts, ok := static.ParseRange(field, size)
		if !ok {
			require.Empty(t, parts)
			return
		}
		require.LessOrEqual(t, len(parts), 16)
		total := int64(0)
		for i, p := range parts {
			start, length := p.Bounds()
			require.GreaterOrEqual(t, start, int64(0))
			require.Positive(t, length)
			require.LessOrEqual(t, start, size-length, "it lies within the content")
			total += length
			for _, q := range parts[:i] {
				other, otherLength := q.Bounds()
				require.True(t, start > other+otherLength || other > start+length, "they neither overlap nor touch")
			}
		}
		require.LessOrEqual(t, total, size)
		for _, p := range parts { // each part is asked for in words of its own
			start, length := p.Bounds()
			again, ok := static.ParseRange(fmt.Sprintf("bytes=%d-%d", start, start+length-1), size)
			require.True(t, ok)
			require.Equal(t, []static.Span{static.SpanOf(start, length)}, again)
		}
	})
}
