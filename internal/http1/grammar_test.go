package http1

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestIsToken(t *testing.T) {
	const tchar = "!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
	require.True(t, IsToken(tchar))
	require.False(t, IsToken(""))
	for b := range 256 {
		one := string([]byte{byte(b)})
		require.Equal(t, strings.IndexByte(tchar, byte(b)) >= 0, IsToken(one), "%q", one)
		require.Equal(t, IsToken(one), IsToken("ab"+one), "%q", one)
		require.Equal(t, IsToken(one), IsToken("abcdefghij"+one+"lmnopqrstuvw"), "%q", one)
	}
}

func TestIsFieldValue(t *testing.T) {
	require.True(t, IsFieldValue(""))
	for b := range 256 {
		want := b == '\t' || b >= ' ' && b != 0x7f
		one := string([]byte{byte(b)})
		require.Equal(t, want, IsFieldValue("a"+one), "%#x", b)
		require.Equal(t, want, IsFieldValue("a value that is "+one+" longer than two words"), "%#x", b)
	}
}

func TestEqualFold(t *testing.T) {
	require.True(t, EqualFold(nil, ""))
	require.True(t, EqualFold([]byte("Az-[09"), "aZ-[09"))
	require.False(t, EqualFold([]byte("a"), "ab"))
	require.False(t, EqualFold([]byte("ab"), "ac"))
	for _, pair := range []string{"@`", "[{", "\r-", "\x00 ", "\xc3\xe3", "^~"} {
		require.False(t, EqualFold([]byte(pair[:1]), pair[1:]), "%q", pair)
		require.False(t, EqualFold([]byte(pair[1:]), pair[:1]), "%q", pair)
	}
}

var unescapeTests = []struct {
	in, want string
	ok       bool
}{
	{"", "", true},
	{"a+b", "a+b", true},
	{"%41%5a%fF%00", "AZ\xff\x00", true},
	{"%2541", "%41", true},
	{"a%", "a", false},
	{"a%4", "a", false},
	{"a%4g", "a", false},
	{"a%g4", "a", false},
	{"%%41", "", false},
}

func TestUnescape(t *testing.T) {
	for _, test := range unescapeTests {
		got, ok := Unescape([]byte("x"), []byte(test.in))
		require.Equal(t, test.ok, ok, test.in)
		require.Equal(t, "x"+test.want, string(got), test.in)
	}
}

func TestHasListMember(t *testing.T) {
	for _, list := range []string{"gzip", "GZip", " gzip\t", "br, gzip", "gzip,br", ",,\tgzip ,", "br;q=1,gzip"} {
		require.True(t, HasListMember([]byte(list), "gzip"), list)
	}
	for _, list := range []string{"", ",", "xgzip", "gzip x", "gzip;q=1", "gzi", "\"gzip"} {
		require.False(t, HasListMember([]byte(list), "gzip"), list)
	}
}

var goodHosts = []string{
	"a", "a.b", "localhost:8080", "a:", "a:0", "a:65535", "a:00080", "127.0.0.1:80", "-._~!$&'()*+,;=", "%41%c3:1", "999.1",
	"[::]", "[::1]", "[1::]:80", "[1:2:3:4:5:6:7:8]:65535", "[::ffff:1.2.3.4]", "[1:2:3:4:5:6:1.2.3.4]", "[abcd:EF01::]:",
	"[1:2:3:4:5:6:7::]", "[::2:3:4:5:6:7:8]", "[1:2:3:4:5::1.2.3.4]", "[v1.a:b]", "[VF.!]",
}

var badHosts = []string{
	"", ":", ":80", "a:b", "a:-1", "a:+1", "a:65536", "a:99999999999999999999", "a:1:2", "a b", "a ", "a\t", "u@a", "a/b", "a?", "a#", `a\`,
	"a\x00", "a\x7f", "a\xc3", "a\"", "a<", "a>", "a^", "a`", "a{", "a|", "a}", "a[", "a]", "%", "%4", "%4g", "%g4", "%00", "%1f", "%09", "%7f",
	"[", "]", "[]", "[:]", "[::1", "::1", "[::1]a", "[::1]80", "[::1]:x", "[::1]:65536", "[::1]]", "[[::1]", "[1]", "[1:2:3:4:5:6:7]", "[1:2:3:4:5:6:7:8:9]",
	"[1:2:3:4:5:6:7:8::]", "[::1:2:3:4:5:6:7:8]", "[1:2:3:4::5:6:7:8]", "[:1::]", "[1::2::3]", "[:::]", "[1:::2]", "[12345::]", "[g::]", "[1:]", "[1::2:]",
	"[::1.2.3]", "[::1.2.3.4.5]", "[::1.2.3.256]", "[::1.2.3.04]", "[::1.2.3.]", "[::1.2.3.4.]", "[::.1.2.3]", "[::1.2.3.a]", "[::1.2.3.1234]", "[1.2.3.4]", "[1:1.2.3.4]",
	"[1:2:3:4:5:6:7:1.2.3.4]", "[1:2:3:4:5:6::1.2.3.4]", "[::1.2.3.4:5]", "[fe80::1%25a]", "[::1%]", "[v.a]", "[v1.]", "[v1]", "[v1.a/]", "[vg.a]",
}

func TestValidHost(t *testing.T) {
	for _, host := range goodHosts {
		require.True(t, ValidHost([]byte(host)), host)
	}
	for _, host := range badHosts {
		require.False(t, ValidHost([]byte(host)), "%q", host)
	}
}
