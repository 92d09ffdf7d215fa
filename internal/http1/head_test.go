package http1

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// headLimits are small, so that the tables can reach them.
var headLimits = Limits{HeadBytes: 256, TargetBytes: 64, FieldLines: 4}

// headTest is a head and what becomes of it. A refused one ends with the very
// byte at which it is refused: every shorter one only needs more bytes. An
// accepted one is described as describe does it.
type headTest struct {
	name, in string
	err      *Error
	want     string
}

const (
	get    = "GET / HTTP/1.1\r\n"
	hostH  = "Host: h\r\n"
	getH   = get + hostH
	origin = `GET 1.1 origin path "/" host "h"`
)

var lineTests = []headTest{
	{"least", getH + "\r\n", nil, origin + ` [Host: h]`},
	{"least of 1.0", "GET / HTTP/1.0\r\n\r\n", nil, `GET 1.0 origin path "/" host ""`},
	{"one empty line before", "\r\n" + getH + "\r\n", nil, origin + ` [Host: h]`},
	{"two empty lines before", "\r\n\r", errSecondEmptyLine, ""},
	{"bare LF after the empty line", "\r\n\n", errSecondEmptyLine, ""},
	{"bare LF before", "\n", errBareLF, ""},
	{"bare CR before", "\rG", errBareCR, ""},
	{"two CR before", "\r\r", errBareCR, ""},
	{"blank before", " ", errMethod, ""},
	{"blank before, behind the empty line", "\r\n ", errMethod, ""},

	{"method of 24 bytes", strings.Repeat("A", 24) + " / HTTP/1.1\r\nHost: h\r\n\r\n", nil,
		strings.Repeat("A", 24) + ` 1.1 origin path "/" host "h" [Host: h]`},
	{"method of 25 bytes", strings.Repeat("A", 25), errMethodLong, ""},
	{"method is case-sensitive", "get / HTTP/1.0\r\n\r\n", nil, `get 1.0 origin path "/" host ""`},
	{"every tchar in a method", "!#$%&'*+-.^_`|~09 / HTTP/1.0\r\n\r\n", nil, "!#$%&'*+-.^_`|~09 1.0 origin path \"/\" host \"\""},
	{"method that is no token", "GE(", errMethod, ""},
	{"method with HTAB behind", "GET\t", errMethod, ""},
	{"method alone", "GET\r", errMethod, ""},
	{"method and bare LF", "GET\n", errMethod, ""},
	{"non-ASCII method", "G\xc3", errMethod, ""},

	{"two spaces before the target", "GET  ", errTarget, ""},
	{"HTAB before the target", "GET \t", errTarget, ""},
	{"two spaces before the version", "GET /  ", errVersion, ""},
	{"HTAB before the version", "GET /\t", errTarget, ""},
	{"HTTP/0.9", "GET /\r", errRequestLine, ""},
	{"HTTP/0.9 with a bare LF", "GET /\n", errRequestLine, ""},
	{"HTTP/0.9 with a space", "GET / \r", errVersion, ""},
	{"lower-case version", "GET / h", errVersion, ""},
	{"version of three parts", "GET / HTTP/1.1.", errVersion, ""},
	{"two-digit minor version", "GET / HTTP/1.10", errVersion, ""},
	{"two-digit major version", "GET / HTTP/11", errVersion, ""},
	{"version without a minor", "GET / HTTP/2\r", errVersion, ""},
	{"version with a letter", "GET / HTTP/1.x", errVersion, ""},
	{"version with a letter before the dot", "GET / HTTP/x", errVersion, ""},
	{"version with a slash for its minor", "GET / HTTP/1./", errVersion, ""},
	{"version with a slash for its major", "GET / HTTP//", errVersion, ""},
	{"version with a comma", "GET / HTTP/1,", errVersion, ""},
	{"space behind the version", "GET / HTTP/1.1 ", errVersion, ""},
	{"bare LF behind the version", "GET / HTTP/1.1\n", errVersion, ""},
	{"bare CR behind the version", "GET / HTTP/1.1\rH", errVersion, ""},
	{"a word too many", "GET / x", errVersion, ""},
	{"HTTP/1.2 is served as 1.1", "GET / HTTP/1.2\r\nHost: h\r\n\r\n", nil, origin + ` [Host: h]`},
	{"HTTP/1.9 is served as 1.1", "GET / HTTP/1.9\r\nHost: h\r\n\r\n", nil, origin + ` [Host: h]`},
	{"HTTP/2.0", "GET / HTTP/2.0\r\n", errVersionMajor, ""},
	{"HTTP/0.9 by name", "GET / HTTP/0.9\r\n", errVersionMajor, ""},
	{"HTTP/2.0 and a bare LF", "GET / HTTP/2.0\n", errVersion, ""},
	{"preface of HTTP/2", "PRI * ", errTargetForm, ""},
}

var fieldTests = []headTest{
	{"white space around a value", getH + "A:  \t b c \t \r\n\r\n", nil, origin + ` [Host: h] [A: b c]`},
	{"two spaces before a value", getH + "Accept:  text/html\r\n\r\n", nil, origin + ` [Host: h] [Accept: text/html]`},
	{"space behind a value", getH + "Accept: text/html,text/css \r\nB: 1\r\n\r\n", nil, origin + ` [Host: h] [Accept: text/html,text/css] [B: 1]`},
	{"space for a value", getH + "Accept-Language: \r\nAccept: a\r\n\r\n", nil, origin + ` [Host: h] [Accept-Language: ] [Accept: a]`},
	{"HTAB before a value", getH + "Accept:\ttext/html\r\n\r\n", nil, origin + ` [Host: h] [Accept: text/html]`},
	{"HTAB behind a short value", getH + "Accept: a\t\r\n\r\n", nil, origin + ` [Host: h] [Accept: a]`},
	{"space and HTAB before a short value", getH + "Accept: \ta\r\n\r\n", nil, origin + ` [Host: h] [Accept: a]`},
	{"obs-text far in a value", getH + "Accept: 0123456789012345678901\xe9\r\nB: 1\r\n\r\n", nil,
		origin + " [Host: h] [Accept: 0123456789012345678901\xe9] [B: 1]"},
	{"values of every length", getH + "Name-A: 1\r\nName-C: 123456789\r\nName-D: 12345678901234567\r\n\r\n", nil,
		origin + ` [Host: h] [Name-A: 1] [Name-C: 123456789] [Name-D: 12345678901234567]`},
	{"no white space around a value", getH + "A:b\r\n\r\n", nil, origin + ` [Host: h] [A: b]`},
	{"empty value", getH + "A:\r\nB: \t \r\n\r\n", nil, origin + ` [Host: h] [A: ] [B: ]`},
	{"colons in a value", getH + "A: :b:\r\n\r\n", nil, origin + ` [Host: h] [A: :b:]`},
	{"HTAB in a value", getH + "A: b\tc\r\n\r\n", nil, origin + " [Host: h] [A: b\tc]"},
	{"HTAB late in a value", getH + "A: 0123456789012345678901\tc\r\n\r\n", nil, origin + " [Host: h] [A: 0123456789012345678901\tc]"},
	{"obs-text in a value", getH + "A: \x80\xff~\xff~\r\n\r\n", nil, origin + " [Host: h] [A: \x80\xff~\xff~]"},
	{"every tchar in a name", getH + "!#$%&'*+-.^_`|~09azAZ: b\r\n\r\n", nil, origin + " [Host: h] [!#$%&'*+-.^_`|~09azAZ: b]"},
	{"as many lines as may be", getH + "A: 1\r\nB: 2\r\nC: 3\r\n\r\n", nil, origin + ` [Host: h] [A: 1] [B: 2] [C: 3]`},
	{"one line too many", getH + "A: 1\r\nB: 2\r\nC: 3\r\nD:", errFieldLines, ""},
	{"long names", getH + "Strict-Transport-Security: 1\r\nX-0123456789-_abc: 2\r\n\r\n", nil,
		origin + ` [Host: h] [Strict-Transport-Security: 1] [X-0123456789-_abc: 2]`},

	{"blank before the first line", get + " ", errFold, ""},
	{"HTAB before the first line", get + "\t", errFold, ""},
	{"obs-fold", getH + "A: b\r\n ", errFold, ""},
	{"obs-fold by HTAB", getH + "A: b\r\n\t", errFold, ""},
	{"space before the colon", get + "Host ", errFieldColon, ""},
	{"HTAB before the colon", get + "Host\t", errFieldColon, ""},
	{"line without a colon", get + "Host\r", errFieldColon, ""},
	{"empty name", get + ":", errFieldName, ""},
	{"bare CR behind a long value", getH + "Accept: 01234567890123456789\rB", errBareCR, ""},
	{"bare LF behind a long value", getH + "Accept: 01234567890123456789\n", errBareLF, ""},
	{"name that is no token", get + "Ho(", errFieldColon, ""},
	{"name that begins with no token", get + "(", errFieldName, ""},
	{"non-ASCII name", get + "H\xc3", errFieldColon, ""},
	{"non-ASCII first byte of a name", get + "\xc3", errFieldName, ""},
	{"NUL in a name", get + "H\x00", errFieldColon, ""},
	{"non-ASCII letter-like byte in a long name", get + "Abcdef\xe1", errFieldColon, ""},
	{"NUL in a value", getH + "A: b\x00", errFieldValue, ""},
	{"DEL in a value", getH + "A: b\x7f", errFieldValue, ""},
	{"ESC in a value", getH + "A: b\x1b", errFieldValue, ""},
	{"NUL first in a value", getH + "A:\x00", errFieldValue, ""},
	{"bare CR in a value", getH + "A: b\rc", errBareCR, ""},
	{"two CR behind a value", getH + "A: b\r\r", errBareCR, ""},
	{"bare LF behind a value", getH + "A: b\n", errBareLF, ""},
	{"bare LF behind an empty value", getH + "A:\n", errBareLF, ""},
	{"bare LF for the empty line", getH + "\n", errBareLF, ""},
	{"bare CR for the empty line", getH + "\rA", errBareCR, ""},
	{"bare LF in a name", get + "Host\n", errFieldColon, ""},
	{"CR CR LF for the empty line", getH + "\r\r", errBareCR, ""},
}

var limitTests = []headTest{
	{"target as long as may be", "GET /" + strings.Repeat("a", 63) + " HTTP/1.0\r\n\r\n", nil,
		`GET 1.0 origin path "/` + strings.Repeat("a", 63) + `" host ""`},
	{"target too long", "GET /" + strings.Repeat("a", 64), errTargetLong, ""},
	{"target with a query too long", "GET /?" + strings.Repeat("a", 63), errTargetLong, ""},
	{"target of percent-encoding too long", "GET /" + strings.Repeat("%41", 21) + "a", errTargetLong, ""},
	{"head as long as may be", get + "Host: h\r\nA: " + strings.Repeat("a", 256-16-9-3-4) + "\r\n\r\n", nil,
		origin + ` [Host: h] [A: ` + strings.Repeat("a", 256-16-9-3-4) + `]`},
	{"head too long by its value", get + "Host: h\r\nA: " + strings.Repeat("a", 256-16-9-3), errHeadLong, ""},
	{"head too long by its name", get + strings.Repeat("a", 256-16), errHeadLong, ""},
	{"head too long by its last byte", get + "Host: h\r\nA: " + strings.Repeat("a", 256-16-9-3-3) + "\r\n\r", errHeadLong, ""},
	{"empty line counts for the head", "\r\n" + get + "Host: h\r\nA: " + strings.Repeat("a", 256-2-16-9-3), errHeadLong, ""},
}

var hostTests = []headTest{
	{"no Host", get + "\r\n", errHostMissing, ""},
	{"no Host beside an absolute target", "GET http://h/ HTTP/1.1\r\n\r\n", errHostMissing, ""},
	{"Host in any case", get + "hOST: h\r\n\r\n", nil, origin + ` [hOST: h]`},
	{"two Hosts", getH + hostH + "\r\n", errHostRepeated, ""},
	{"two Hosts in 1.0", "GET / HTTP/1.0\r\nHost: h\r\nhost: h\r\n\r\n", errHostRepeated, ""},
	{"three Hosts", getH + hostH + hostH + "\r\n", errHostRepeated, ""},
	{"empty Host", get + "Host:\r\n\r\n", errHost, ""},
	{"empty Host in 1.0", "GET / HTTP/1.0\r\nHost: \r\n\r\n", errHost, ""},
	{"empty Host beside an absolute target", "GET http://h/ HTTP/1.1\r\nHost:\r\n\r\n", errHost, ""},
	{"empty Host for an asterisk", "OPTIONS * HTTP/1.1\r\nHost:\r\n\r\n", nil, `OPTIONS 1.1 asterisk path "*" host "" [Host: ]`},
	{"empty Host for an authority", "CONNECT a:1 HTTP/1.1\r\nHost:\r\n\r\n", nil, `CONNECT 1.1 authority path "" host "a:1" [Host: ]`},
	{"wrong Host for an asterisk", "OPTIONS * HTTP/1.1\r\nHost: /\r\n\r\n", errHost, ""},
	{"wrong Host beside an absolute target", "GET http://h/ HTTP/1.1\r\nHost: a b\r\n\r\n", errHost, ""},
	{"wrong Host in 1.0", "GET / HTTP/1.0\r\nHost: a/b\r\n\r\n", errHost, ""},
	{"Host with userinfo", get + "Host: u@h\r\n\r\n", errHost, ""},
	{"name like Host", get + "Hose: h\r\n\r\n", errHostMissing, ""},
}

// headTests are all of them, for the fuzz targets too.
var headTests = concat(lineTests, fieldTests, limitTests, hostTests, targetTests)

func concat[T any](lists ...[]T) (all []T) {
	for _, l := range lists {
		all = append(all, l...)
	}
	return all
}

// describe writes down everything that the methods of a head tell.
func describe(h *Head) string {
	form := [...]string{"origin", "absolute", "authority", "asterisk"}[h.Form]
	s := fmt.Sprintf("%s 1.%d %s path %q", h.MethodBytes(), h.Minor, form, h.Path())
	if h.HasQuery() {
		s += fmt.Sprintf(" query %q", h.RawQuery())
	}
	s += fmt.Sprintf(" host %q", h.Host())
	for i := range h.Len() {
		s += fmt.Sprintf(" [%s: %s]", h.Name(i), h.Value(i))
	}
	return s
}

// outcome is what comes of a head, however it was cut.
type outcome struct {
	n    int
	err  error
	want string
}

// feed parses in cut at these places, in a new buffer each time.
func feed(h *Head, lim *Limits, in string, cuts ...int) outcome {
	h.Reset()
	for _, end := range append(cuts, len(in)) {
		n, err := h.Parse([]byte(in[:end]), lim)
		if n > 0 && err == nil {
			return outcome{n, nil, describe(h)}
		}
		if err != nil || n != 0 {
			return outcome{n, err, ""}
		}
	}
	return outcome{}
}

// bytewise are the cuts that hand over one byte more each time.
func bytewise(in string) (cuts []int) {
	for i := range in {
		cuts = append(cuts, i)
	}
	return cuts
}

func TestHead(t *testing.T) {
	const behind = "GET /next HTTP/1.1\r\n\r\n"
	for _, test := range headTests {
		t.Run(test.name, func(t *testing.T) {
			var h Head
			want := outcome{len(test.in), nil, test.want}
			if test.err != nil {
				want = outcome{0, test.err, ""}
				require.Equal(t, outcome{}, feed(&h, &headLimits, test.in[:len(test.in)-1]), "refused too early")
				require.Equal(t, want, feed(&h, &headLimits, test.in+"\n"), "LF behind")
			}
			require.Equal(t, want, feed(&h, &headLimits, test.in), "whole")
			require.Equal(t, want, feed(&h, &headLimits, test.in, bytewise(test.in)...), "byte by byte")
			for cut := range test.in {
				require.Equal(t, want, feed(&h, &headLimits, test.in, cut), "cut at %d", cut)
				require.Equal(t, want, feed(&h, &headLimits, test.in+behind, cut), "cut at %d, more behind", cut)
			}
		})
	}
}

// TestWholeLineRefused: what is behind the byte that breaks a rule does not
// make it a line.
func TestWholeLineRefused(t *testing.T) {
	var h Head
	for in, err := range map[string]error{
		getH + ": value-of-no-name\r\n\r\n":                               errFieldName,
		getH + "Name-A: 1\r\nName-B: 2\r\nName-C: 3\r\nName-D: 4\r\n\r\n": errFieldLines,
		getH + "Name : value-of-it\r\n\r\n":                               errFieldColon,
		getH + "Name-A: value-of-it\r\n folded-value\r\n\r\n":             errFold,
		getH + "Name-A: 0123456789012345678\n Name-B: 1\r\n\r\n":          errBareLF,
	} {
		require.Equal(t, outcome{0, err, ""}, feed(&h, &headLimits, in), "%q", in)
	}
}

func TestHeadTargetLongerThanHead(t *testing.T) {
	var h Head
	lim := Limits{HeadBytes: 32, TargetBytes: 1000, FieldLines: 1}
	require.Equal(t, errTargetLong, feed(&h, &lim, "GET /"+strings.Repeat("a", 27)).err)
	lim.HeadBytes = 20
	require.Equal(t, errHeadLong, feed(&h, &lim, "GET /aaaaaaa HTTP/1.").err)
}

func TestHeadResetForgets(t *testing.T) {
	all := "GET http://a/b?c HTTP/1.1\r\nHost: h\r\nConnection: close, keep-alive, upgrade\r\nUpgrade: x\r\nExpect: 100-continue\r\n\r\n"
	wrong := "GET /%41?a HTTP/1.1\r\nHost: h\r\nConnection: close\r\nA: \x00"
	for _, first := range []string{all, wrong, wrong[:20], wrong[:len(wrong)-3], "\r\nG"} {
		var h Head
		feed(&h, &headLimits, first)
		require.Equal(t, outcome{len(getH) + 2, nil, origin + ` [Host: h]`}, feed(&h, &headLimits, getH+"\r\n"))
		require.False(t, h.Close() || h.KeepAlive() || h.Upgrade() || h.HasQuery())
		require.Equal(t, ExpectNone, h.Expect())
	}
}

func TestHeadParseAgain(t *testing.T) {
	var h Head
	in := []byte(getH + "\r\n")
	for range 2 {
		n, err := h.Parse(in, &headLimits)
		require.NoError(t, err)
		require.Equal(t, len(in), n, "a head that is complete stays so")
	}
}

func TestHeadRebase(t *testing.T) {
	var h Head
	in := []byte("GET /a?b HTTP/1.1\r\nHost: h\r\n\r\nbody")
	n, err := h.Parse(in, &headLimits)
	require.NoError(t, err)
	moved := bytes.Clone(in)
	clear(in)
	h.Rebase(moved)
	require.Equal(t, `GET 1.1 origin path "/a" query "b" host "h" [Host: h]`, describe(&h))
	require.Equal(t, n, cap(h.buf), "the body is no part of the head")
}

func TestHeadFind(t *testing.T) {
	var h Head
	feed(&h, &headLimits, getH+"A: 1\r\nb: 2\r\na: 3\r\n\r\n")
	require.Equal(t, 1, h.Find("a", 0))
	require.Equal(t, 3, h.Find("A", 2))
	require.Equal(t, -1, h.Find("A", 4))
	require.Equal(t, 2, h.Find("B", 0))
	require.Equal(t, -1, h.Find("Hos", 0))
	require.Equal(t, -1, h.Find("Host", 1))
}

// TestHeadIsLinear drips a large head. What has been looked at is LF from then
// on, which is refused wherever it is met: so nobody looks at it again. Only
// what is complete may be read once more, the target by its form and a field
// line for what it says.
func TestHeadIsLinear(t *testing.T) {
	lim := Limits{HeadBytes: 16 << 10, TargetBytes: 8 << 10, FieldLines: 100}
	in := "\r\nOPTIONS /" + strings.Repeat("a%41?", 1000) + " HTTP/1.1\r\nHost: h\r\n" +
		strings.Repeat("Name-0123456789: "+strings.Repeat("v", 80)+"\r\n", 98)
	in += "Last: " + strings.Repeat("\t", lim.HeadBytes-len(in)-10) + "\r\n\r\n"
	require.Len(t, in, lim.HeadBytes)
	var h Head
	for i := range in {
		given := []byte(in[:i+1])
		for j := range i - len(version11) { // which is compared whole, the longest thing that is
			given[j] = '\n'
		}
		switch {
		case i == len(in)-1:
			given = []byte(in)
		case in[i] == '\n' || in[i] == ' ' && h.stage < stageVersion:
			line := strings.LastIndexByte(in[:i], '\n') + 1
			copy(given[line:], in[line:])
		}
		n, err := h.Parse(given, &lim)
		require.NoError(t, err, "at %d", i)
		require.Equal(t, i == len(in)-1, n > 0, "at %d", i)
	}
	require.Equal(t, 100, h.Len())
}

var connectionTests = []struct {
	lines                 string
	close, alive, upgrade bool
}{
	{"", false, false, false},
	{"Connection: close\r\n", true, false, false},
	{"connection: CLOSE\r\n", true, false, false},
	{"Connection: keep-alive\r\n", false, true, false},
	{"Connection: a, Keep-Alive ,\t close\r\n", true, true, false},
	{"Connection: ,,close,\r\n", true, false, false},
	{"Connection: keep-alive\r\nConnection: close\r\n", true, true, false},
	{"Connection: closed, xclose, clos\r\n", false, false, false},
	{"Connection: close;x=1\r\n", false, false, false},
	{"Connection: close x\r\n", false, false, false},
	{"Connection: upgrade\r\n", false, false, false},
	{"Upgrade: websocket\r\n", false, false, false},
	{"Connection: keep-alive, UpGrade\r\nUPGRADE: websocket\r\n", false, true, true},
	{"Upgrade: websocket\r\nConnection: upgrade\r\n", false, false, true},
	{"Connection: upgrade\r\nUpgrada: x\r\n", false, false, false},
	{"Connectiom: close\r\nUpgrada: x\r\n", false, false, false},
}

func TestConnectionOptions(t *testing.T) {
	var h Head
	for _, test := range connectionTests {
		for minor := range 2 {
			in := fmt.Sprintf("GET / HTTP/1.%d\r\nHost: h\r\n%s\r\n", minor, test.lines)
			require.NoError(t, feed(&h, &headLimits, in).err)
			require.Equal(t, test.close, h.Close(), test.lines)
			require.Equal(t, test.alive, h.KeepAlive(), test.lines)
			require.Equal(t, test.upgrade && minor > 0, h.Upgrade(), test.lines)
		}
	}
}

var expectTests = []struct {
	lines string
	want  Expectation
}{
	{"", ExpectNone},
	{"Expect: 100-continue\r\n", ExpectContinue},
	{"expect:100-Continue \r\n", ExpectContinue},
	{"Expect: 100-continue, 100-continue\r\n", ExpectOther},
	{"Expect: 100-continue\r\nExpect: 100-continue\r\n", ExpectOther},
	{"Expect: x\r\nExpect: 100-continue\r\n", ExpectOther},
	{"Expect: 100-continue\r\nExpect: x\r\n", ExpectOther},
	{"Expect: 100-continue;a\r\n", ExpectOther},
	{"Expect:\r\n", ExpectOther},
	{"Expecs: 100-continue\r\n", ExpectNone},
}

func TestExpect(t *testing.T) {
	var h Head
	for _, test := range expectTests {
		require.NoError(t, feed(&h, &headLimits, getH+test.lines+"\r\n").err)
		require.Equal(t, test.want, h.Expect(), test.lines)
		require.NoError(t, feed(&h, &headLimits, "GET / HTTP/1.0\r\n"+test.lines+"\r\n").err)
		require.Equal(t, ExpectNone, h.Expect(), "HTTP/1.0, %s", test.lines)
	}
}

func TestMethod(t *testing.T) {
	for m := MethodGet; m <= MethodPatch; m++ {
		require.Equal(t, m, ParseMethod([]byte(m.String())))
		require.NotEqual(t, m, ParseMethod([]byte(strings.ToLower(m.String()))))
	}
	require.Equal(t, "DELETE", MethodDelete.String())
	require.Equal(t, MethodOther, ParseMethod([]byte("BREW")))
	require.Equal(t, MethodOther, ParseMethod(nil))
	require.Empty(t, MethodOther.String())
}

func TestError(t *testing.T) {
	require.EqualError(t, errTargetLong, "http1: 414: target is too long")
}
