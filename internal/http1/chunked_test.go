package http1

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

var bodyLimits = ChunkedLimits{ExtensionBytes: 20, TrailerBytes: 40, TrailerLines: 3}

// chunkedTests are bodies and what becomes of them. A refused one ends with
// the very byte at which it is refused, but for forbidden trailers.
var chunkedTests = []struct {
	name, in string
	err      *Error
	want     string // content, then trailer fields
}{
	{"empty", "0\r\n\r\n", nil, ""},
	{"one chunk", "3\r\nabc\r\n0\r\n\r\n", nil, "abc"},
	{"chunks", "3\r\nabc\r\n00A\r\n0123456789\r\n1\r\nd\r\n000\r\n\r\n", nil, "abc0123456789d"},
	{"size in either case", "a\r\n0123456789\r\nB\r\n0123456789a\r\n0\r\n\r\n", nil, "01234567890123456789a"},
	{"content that looks like framing", "7\r\n\r\n0\r\n\r\n\r\n0\r\n\r\n", nil, "\r\n0\r\n\r\n"},
	{"sixteen digits", "0000000000000001\r\na\r\n0\r\n\r\n", nil, "a"},
	{"seventeen digits", "00000000000000001", errChunkSizeLong, ""},
	{"size that overflows", "8000000000000000", errChunkSizeLong, ""},
	{"size that overflows by far", "ffffffffffffffff", errChunkSizeLong, ""},
	{"no size", "\r", errChunkSize, ""},
	{"size with a prefix", "0x", errChunkSize, ""},
	{"size with a sign", "+", errChunkSize, ""},
	{"negative size", "-", errChunkSize, ""},
	{"blank before the size", " ", errChunkSize, ""},
	{"blank behind the size", "1 ", errChunkSize, ""},
	{"HTAB behind the size", "1\t", errChunkSize, ""},
	{"underscore in the size", "1_", errChunkSize, ""},
	{"letter in the size", "1g", errChunkSize, ""},
	{"extension without a size", ";", errChunkSize, ""},
	{"bare LF behind the size", "1\n", errChunkSize, ""},
	{"bare CR behind the size", "1\ra", errChunkSize, ""},
	{"bare LF behind the content", "1\r\na\n", errChunkEnd, ""},
	{"bare CR behind the content", "1\r\na\rb", errChunkEnd, ""},
	{"content longer than its size", "1\r\nab", errChunkEnd, ""},
	{"size behind content without CRLF", "1\r\na0", errChunkEnd, ""},
	{"empty line before a size", "1\r\na\r\n\r", errChunkSize, ""},

	{"extension", "1;a\r\nb\r\n0;c\r\n\r\n", nil, "b"},
	{"extension with a value", "1;a=b;c=d\r\ne\r\n0\r\n\r\n", nil, "e"},
	{"quoted extension with CR", "1;a=\"\t;\\\"\r", errChunkExtension, ""},
	{"quoted extension, closed", "1;a=\"\t;\\\"=\xff\"\r\ne\r\n0\r\n\r\n", nil, "e"},
	{"quoted extension, then another", "1;a=\"b\";c\r\ne\r\n0\r\n\r\n", nil, "e"},
	{"quoted extension with LF", "1;a=\"\n", errChunkExtension, ""},
	{"quoted extension with DEL", "1;a=\"\x7f", errChunkExtension, ""},
	{"quoted extension with escaped LF", "1;a=\"\\\n", errChunkExtension, ""},
	{"token behind a quoted value", "1;a=\"b\"c", errChunkExtension, ""},
	{"equals sign behind a quoted value", "1;a=\"b\"=", errChunkExtension, ""},
	{"equals sign behind a value", "1;a=b=", errChunkExtension, ""},
	{"quote within a value", "1;a=b\"", errChunkExtension, ""},
	{"quoted name", "1;\"", errChunkExtension, ""},
	{"empty name", "1;\r", errChunkExtension, ""},
	{"empty name with a value", "1;=", errChunkExtension, ""},
	{"two semicolons", "1;;", errChunkExtension, ""},
	{"empty value", "1;a=\r", errChunkExtension, ""},
	{"blank before a name", "1; ", errChunkExtension, ""},
	{"blank behind a name", "1;a ", errChunkExtension, ""},
	{"bare LF behind a name", "1;a\n", errChunkExtension, ""},
	{"bare LF behind a value", "1;a=b\n", errChunkExtension, ""},
	{"bare CR behind an extension", "1;a\r1", errChunkSize, ""},
	{"as much extension as may be", "1;" + strings.Repeat("a", 19) + "\r\nb\r\n0\r\n\r\n", nil, "b"},
	{"extension too long", "1;" + strings.Repeat("a", 21), errChunkExtensions, ""},
	{"extensions too long together", "1;" + strings.Repeat("a", 9) + "\r\nb\r\n1;" + strings.Repeat("a", 11), errChunkExtensions, ""},

	{"trailer", "1\r\na\r\n0\r\nX-Sum: \t1 2 \r\ny:\r\n\r\n", nil, "a [X-Sum: 1 2] [y: ]"},
	{"as many trailer lines as may be", "0\r\na:\r\nb:\r\nc:\r\n\r\n", nil, " [a: ] [b: ] [c: ]"},
	{"one trailer line too many", "0\r\na:\r\nb:\r\nc:\r\nd:", errFieldLines, ""},
	{"trailer as long as may be", "0\r\na: " + strings.Repeat("b", 33) + "\r\n\r\n", nil, " [a: " + strings.Repeat("b", 33) + "]"},
	{"trailer too long by its last byte", "0\r\na: " + strings.Repeat("b", 34) + "\r\n\r", errTrailerLong, ""},
	{"trailer too long", "0\r\na: " + strings.Repeat("b", 37), errTrailerLong, ""},
	{"bare LF for the empty line", "0\r\n\n", errBareLF, ""},
	{"bare LF behind a trailer", "0\r\na: b\n", errBareLF, ""},
	{"bare CR in a trailer", "0\r\na: b\rc", errBareCR, ""},
	{"control byte in a trailer", "0\r\na: b\x00", errFieldValue, ""},
	{"blank before a trailer", "0\r\n ", errFold, ""},
	{"folded trailer", "0\r\na: b\r\n ", errFold, ""},
	{"blank before the colon of a trailer", "0\r\na ", errFieldColon, ""},
	{"trailer without a colon", "0\r\na\r", errFieldColon, ""},
	{"trailer without a name", "0\r\n:", errFieldName, ""},
	{"next request instead of the empty line", "0\r\nGET ", errFieldColon, ""},
	{"forbidden trailer", "0\r\nHost: a\r\n\r\n", errTrailerForbidden, ""},
	{"forbidden trailer in any case", "0\r\na: b\r\ncONTENT-lENGTH: 1\r\n\r\n", errTrailerForbidden, ""},
}

// decode reads a body that comes in these pieces. Through Skip it reads
// content as one does who reads straight into memory of his own.
func decode(d *Chunked, lim ChunkedLimits, skip bool, pieces ...string) (out string, used int, err error) {
	d.Reset(lim)
	for _, piece := range pieces {
		src := []byte(piece)
		for len(src) > 0 && !d.Done() {
			if left := d.Remaining(); skip && left > 0 {
				n := min(int(left), len(src))
				d.Skip(int64(n))
				out += string(src[:n])
				used, src = used+n, src[n:]
				continue
			}
			data, n, err := d.Next(src)
			out += string(data)
			used += n
			if src = src[n:]; err != nil {
				return "", 0, err
			}
			if n == 0 {
				panic("no progress")
			}
		}
	}
	for i := range d.TrailerLen() {
		out += fmt.Sprintf(" [%s: %s]", d.TrailerName(i), d.TrailerValue(i))
	}
	return out, used, nil
}

func TestChunked(t *testing.T) {
	for _, test := range chunkedTests {
		t.Run(test.name, func(t *testing.T) {
			var d Chunked
			check := func(how string, skip bool, pieces ...string) {
				out, used, err := decode(&d, bodyLimits, skip, pieces...)
				if test.err != nil {
					require.Equal(t, test.err, err, how)
					_, _, again := d.Next([]byte("0\r\n\r\n"))
					require.Equal(t, test.err, again, "a refusal stays")
					require.False(t, d.Done())
					return
				}
				require.NoError(t, err, how)
				require.True(t, d.Done(), how)
				require.Equal(t, test.want, out, how)
				require.Equal(t, len(test.in), used, how)
			}
			if test.err != nil {
				_, _, err := decode(&d, bodyLimits, false, test.in[:len(test.in)-1])
				require.NoError(t, err, "refused too early")
				require.False(t, d.Done())
			}
			for _, skip := range []bool{false, true} {
				check("whole", skip, test.in)
				check("more behind", skip, test.in+"GET / HTTP/1.1\r\n\r\n")
				check("byte by byte", skip, strings.Split(test.in, "")...)
				for cut := range test.in {
					check(fmt.Sprint("cut at ", cut), skip, test.in[:cut], test.in[cut:]+"0\r\n")
				}
			}
		})
	}
}

func TestChunkedRemaining(t *testing.T) {
	var d Chunked
	d.Reset(bodyLimits)
	for _, step := range []struct {
		src  string
		want int64
	}{{"1", 0}, {"0", 0}, {"\r", 0}, {"\n", 16}, {"a", 15}} {
		_, n, err := d.Next([]byte(step.src))
		require.NoError(t, err)
		require.Equal(t, 1, n)
		require.Equal(t, step.want, d.Remaining(), "after %q", step.src)
	}
	d.Skip(15)
	require.Zero(t, d.Remaining())
	data, n, err := d.Next([]byte("\r\n0\r\n\r\nGET"))
	require.NoError(t, err)
	require.Empty(t, data)
	require.Equal(t, 7, n, "nothing behind the body is used")
	require.True(t, d.Done())
	_, n, err = d.Next([]byte("GET"))
	require.NoError(t, err)
	require.Zero(t, n)
}

func TestChunkedLargestSize(t *testing.T) {
	var d Chunked
	d.Reset(bodyLimits)
	_, _, err := d.Next([]byte("7fffffffffffffff\r\n"))
	require.NoError(t, err)
	require.Equal(t, int64(1<<63-1), d.Remaining())
}

func TestChunkedWithoutRoomForTrailers(t *testing.T) {
	var d Chunked
	_, used, err := decode(&d, ChunkedLimits{}, false, "1\r\na\r\n0\r\n\r\n")
	require.NoError(t, err, "a body without trailers always passes")
	require.Equal(t, 11, used)
	_, _, err = decode(&d, ChunkedLimits{}, false, "0\r\na:")
	require.Equal(t, errFieldLines, err)
	_, _, err = decode(&d, ChunkedLimits{TrailerLines: 1}, false, "0\r\na:")
	require.Equal(t, errTrailerLong, err)
}

func TestChunkedResetForgets(t *testing.T) {
	for _, first := range []string{"1;aaaaaaaa\r\na", "0\r\na: b\r\n\r\n", "0\r\na: b", "fff", "x", "0\r\nHost: a\r\n\r\n"} {
		var d Chunked
		_, _, _ = decode(&d, bodyLimits, false, first)
		out, _, err := decode(&d, bodyLimits, false, "1;"+strings.Repeat("a", 19)+"\r\nb\r\n0\r\nc: d\r\n\r\n")
		require.NoError(t, err)
		require.Equal(t, "b [c: d]", out)
	}
}

// TestTrailerIsLinear drips a trailer section of which only what is new can be
// read: the decoder's own copy of the rest is no longer what it was.
func TestTrailerIsLinear(t *testing.T) {
	var d Chunked
	d.Reset(ChunkedLimits{TrailerBytes: 1 << 14, TrailerLines: 100})
	section := strings.Repeat("name: "+strings.Repeat("v", 100)+"\r\n", 100)
	_, _, err := d.Next([]byte("0\r\n"))
	require.NoError(t, err)
	for i := range section {
		for j := range len(d.trailer) - 2 {
			d.trailer[j] = '\n'
		}
		_, _, err := d.Next([]byte(section[i : i+1]))
		require.NoError(t, err, "at %d", i)
	}
	require.Equal(t, 100, d.TrailerLen())
}

func TestForbiddenTrailer(t *testing.T) {
	for _, name := range []string{"Host", "Content-Length", "Transfer-Encoding", "Trailer", "TE", "Connection", "Authorization",
		"Proxy-Authorization", "Cookie", "Set-Cookie", "Content-Type", "Content-Encoding", "Content-Range", "Content-Location",
		"Cache-Control", "Expect", "If-Unmodified-Since", "Range", "Vary", "Date", "Location", "Upgrade", "Keep-Alive"} {
		require.True(t, ForbiddenTrailer(name), name)
		require.True(t, ForbiddenTrailer(strings.ToUpper(name)), name)
		require.True(t, ForbiddenTrailer([]byte(strings.ToLower(name))), name)
	}
	for _, name := range []string{"", "X-Checksum", "Content-Digest", "Hos", "Server-Timing", "If-Unmodified-Since-Or-Before"} {
		require.False(t, ForbiddenTrailer(name), name)
	}
}
