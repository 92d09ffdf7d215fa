package http1

import (
	"bufio"
	"bytes"
	"io"
	"net/http"
	"net/http/httputil"
	"net/netip"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// FuzzHead checks that it makes no difference how a head is cut, that what was
// accepted survives being written and read again, and that net/http accepts
// it too and understands it in the same way.
func FuzzHead(f *testing.F) {
	for _, test := range headTests {
		f.Add([]byte(test.in), uint(len(test.in)/2))
	}
	for _, test := range framingTests {
		f.Add([]byte("POST / HTTP/1.1\r\n"+hostH+test.lines+"\r\n"), uint(20))
	}
	for _, bench := range benchHeads {
		f.Add([]byte(bench.head), uint(100))
	}
	f.Fuzz(func(t *testing.T, data []byte, cut uint) {
		in := string(data[:min(len(data), 1024)]) // byte by byte is quadratic here
		for _, lim := range []Limits{headLimits, {HeadBytes: 1024, TargetBytes: 512, FieldLines: 50}} {
			var h Head
			whole := feed(&h, &lim, in)
			require.Equal(t, whole, feed(&h, &lim, in, bytewise(in)...), "byte by byte")
			require.Equal(t, whole, feed(&h, &lim, in, int(cut%uint(len(in)+1))), "cut")
			if whole.n > 0 {
				requireNetHTTP(t, &h, in[:whole.n])
				wide := Limits{HeadBytes: 2 * lim.HeadBytes, TargetBytes: lim.TargetBytes, FieldLines: lim.FieldLines}
				require.Equal(t, whole.want, feed(&h, &wide, rewrite(&h)).want, "round trip")
			}
		}
	})
}

// rewrite writes a head as it was understood.
func rewrite(h *Head) string {
	b := append([]byte(nil), h.MethodBytes()...)
	b = append(append(append(b, ' '), h.RawTarget()...), " HTTP/1."...)
	b = append(b, '0'+h.Minor, '\r', '\n')
	for i := range h.Len() {
		b = AppendFieldBytes(b, string(h.Name(i)), h.Value(i))
	}
	return string(b) + "\r\n"
}

// unlikeNetHTTP says why net/http refuses a head that we accept, if it may.
func unlikeNetHTTP(h *Head) string {
	host := h.Host()
	switch {
	case h.Form != OriginForm && bytes.IndexByte(host, '%') >= 0:
		return "percent-encoding in the host of a target (RFC 3986: reg-name)"
	case h.Form != OriginForm && len(host) > 1 && (host[1]|0x20) == 'v':
		return "IPvFuture in a target"
	case h.Find("Trailer", 0) >= 0:
		return "Trailer that announces a field which cannot be one: the trailer itself is refused"
	}
	return ""
}

func requireNetHTTP(t *testing.T, h *Head, in string) {
	t.Helper()
	framing, err := h.Framing()
	if err != nil {
		return
	}
	r, err := http.ReadRequest(bufio.NewReader(strings.NewReader(strings.TrimPrefix(in, "\r\n"))))
	if err != nil {
		require.NotEmpty(t, unlikeNetHTTP(h), "%q: %v", in, err)
		return
	}
	require.Equal(t, string(h.MethodBytes()), r.Method)
	require.Equal(t, string(h.RawTarget()), r.RequestURI)
	if unlikeNetHTTP(h) == "" {
		require.Equal(t, string(h.Host()), r.Host, "%q", in)
	}
	switch framing.Kind {
	case ChunkedBody:
		require.Equal(t, []string{"chunked"}, r.TransferEncoding)
	default:
		require.Equal(t, framing.Length, r.ContentLength)
		require.Empty(t, r.TransferEncoding)
	}
	for i := range h.Len() {
		name := http.CanonicalHeaderKey(string(h.Name(i)))
		if name == "Host" || name == "Transfer-Encoding" || name == "Trailer" {
			continue // taken out by net/http
		}
		require.Contains(t, r.Header[name], string(h.Value(i)))
	}
	if h.Form == OriginForm {
		require.Equal(t, string(h.RawQuery()), r.URL.RawQuery)
	}
}

// FuzzChunked checks that it makes no difference how a body is cut, and that
// the decoder of net/http reads the same from it.
func FuzzChunked(f *testing.F) {
	for _, test := range chunkedTests {
		f.Add([]byte(test.in), uint(len(test.in)/2))
	}
	f.Fuzz(func(t *testing.T, data []byte, cut uint) {
		in := string(data[:min(len(data), 1024)])
		at := int(cut % uint(len(in)+1))
		pieces := make([]string, 0, len(in))
		for i := range len(in) {
			pieces = append(pieces, in[i:i+1])
		}
		var d Chunked
		whole, used, err := decode(&d, bodyLimits, false, in)
		done := d.Done()
		for _, skip := range []bool{false, true} {
			for _, pieces := range [][]string{{in}, pieces, {in[:at], in[at:]}} {
				out, n, refusal := decode(&d, bodyLimits, skip, pieces...)
				require.Equal(t, err, refusal)
				require.Equal(t, whole, out)
				require.Equal(t, used, n)
				require.Equal(t, done, d.Done())
			}
		}
		if done {
			content, err := io.ReadAll(httputil.NewChunkedReader(strings.NewReader(in[:used])))
			require.NoError(t, err)
			require.True(t, strings.HasPrefix(whole, string(content)))
			require.True(t, len(whole) == len(content) || strings.HasPrefix(whole[len(content):], " ["), "%q %q", whole, content)
		}
	})
}

// FuzzScan checks that the scans by words stop where the plain ones do.
func FuzzScan(f *testing.F) {
	for _, bench := range benchHeads {
		f.Add([]byte(bench.head), uint(0))
	}
	f.Add([]byte("\xff~\xff~\xff~\xff~\xff~\xff~\xff~\xff~\xff~"), uint(1))
	f.Add([]byte("`{@[-,./:^_abcdefghijklmnopqrstuvwxyz"), uint(0))
	f.Fuzz(func(t *testing.T, data []byte, from uint) {
		i := int(from % uint(len(data)+1))
		require.Equal(t, plainNameEnd(data, i), nameEnd(data, i), "name")
		require.Equal(t, plainValueEnd(data, i), valueEnd(data, i), "value")
		require.Equal(t, plainTargetEnd(data, i), targetEnd(data, i), "target")
	})
}

// TestScan puts every pair of bytes at every place of two words.
func TestScan(t *testing.T) {
	b := []byte(strings.Repeat("a", 24))
	for one := range 256 {
		for two := range 256 {
			for i := range 16 {
				b[i], b[i+1] = byte(one), byte(two)
				if plainNameEnd(b, 0) != nameEnd(b, 0) || plainValueEnd(b, 0) != valueEnd(b, 0) || plainTargetEnd(b, 0) != targetEnd(b, 0) {
					t.Fatalf("%q: %d %d %d", b, nameEnd(b, 0), valueEnd(b, 0), targetEnd(b, 0))
				}
				b[i], b[i+1] = 'a', 'a'
			}
		}
	}
}

// FuzzDate checks that net/http reads a date that we read as the same moment,
// and that we write it as it does.
func FuzzDate(f *testing.F) {
	for _, test := range dateTests {
		f.Add(test.in)
	}
	f.Fuzz(func(t *testing.T, in string) {
		unix, ok := ParseDate([]byte(in))
		if !ok {
			return
		}
		text := AppendDate(nil, unix)
		again, ok := ParseDate(text)
		require.True(t, ok)
		require.Equal(t, unix, again)
		if strings.Contains(in, ":60") {
			return // net/http knows no leap second
		}
		want, err := http.ParseTime(in)
		require.NoError(t, err, in)
		if strings.IndexByte(in, ',') > 3 && want.Year() == 1969 {
			want = want.AddDate(100, 0, 0) // two-digit years begin in 1970 here
		}
		require.Equal(t, want.Unix(), unix, in)
		require.Equal(t, want.UTC().Format(http.TimeFormat), string(text))
	})
}

// FuzzHost compares IP literals with net/netip.
func FuzzHost(f *testing.F) {
	for _, host := range concat(goodHosts, badHosts) {
		f.Add(host)
	}
	f.Fuzz(func(t *testing.T, host string) {
		literal := strings.TrimSuffix(strings.TrimPrefix(host, "["), "]")
		if len(literal) != len(host)-2 || strings.HasPrefix(literal, "v") || strings.HasPrefix(literal, "V") {
			return
		}
		address, err := netip.ParseAddr(literal)
		want := err == nil && address.Is6() && address.Zone() == ""
		require.Equal(t, want, ValidHost([]byte(host)), host)
	})
}

// FuzzRoundTrip checks that a field line of a token and a field value is read
// back as it was written, and that nothing else gets through.
func FuzzRoundTrip(f *testing.F) {
	f.Add("A", "b")
	f.Add("A", "b\r\nHost: x")
	f.Add("A b", "\x80\t")
	f.Add("", "")
	f.Fuzz(func(t *testing.T, name, value string) {
		var h Head
		lim := Limits{HeadBytes: 1 << 20, TargetBytes: 10, FieldLines: 10}
		got := feed(&h, &lim, string(AppendField([]byte("GET / HTTP/1.0\r\n"), name, value))+"\r\n")
		if EqualFold([]byte(name), "Host") {
			return // it has rules of its own
		}
		if !IsToken(name) || !IsFieldValue(value) {
			same := got.n > 0 && h.Len() == 1 && string(h.Name(0)) == name && string(h.Value(0)) == value
			require.False(t, same)
			return
		}
		require.NoError(t, got.err)
		require.Equal(t, 1, h.Len())
		require.Equal(t, name, string(h.Name(0)))
		require.Equal(t, strings.Trim(value, " \t"), string(h.Value(0)))
	})
}
