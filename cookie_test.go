package wherry

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

var setCookieCases = []struct {
	name   string
	cookie Cookie
	want   string // the line, or "" for a refusal
}{
	{"defaults", Cookie{Name: "a", Value: "b"}, "a=b; Path=/; SameSite=Lax"},
	{"empty value", Cookie{Name: "a"}, "a=; Path=/; SameSite=Lax"},
	{"everything", Cookie{Name: "a", Value: "b", Path: "/x y", Domain: "example.com", MaxAge: time.Hour,
		Expires: time.Date(2030, 1, 2, 3, 4, 5, 0, time.FixedZone("", 3600)), Secure: true, HTTPOnly: true, SameSite: SameSiteStrict, Partitioned: true},
		"a=b; Path=/x y; Domain=example.com; Expires=Wed, 02 Jan 2030 02:04:05 GMT; Max-Age=3600; Secure; HttpOnly; SameSite=Strict; Partitioned"},
	{"dot before the domain", Cookie{Name: "a", Domain: ".example.com"}, "a=; Path=/; Domain=example.com; SameSite=Lax"},
	{"deleted", Cookie{Name: "a", MaxAge: -1}, "a=; Path=/; Max-Age=0; SameSite=Lax"},
	{"a short life is not none", Cookie{Name: "a", MaxAge: time.Millisecond}, "a=; Path=/; Max-Age=1; SameSite=Lax"},
	{"a long life is not negative", Cookie{Name: "a", MaxAge: 1<<63 - 1}, "a=; Path=/; Max-Age=9223372037; SameSite=Lax"},
	{"first year", Cookie{Name: "a", Expires: time.Date(1601, 1, 1, 0, 0, 0, 0, time.UTC)}, "a=; Path=/; Expires=Mon, 01 Jan 1601 00:00:00 GMT; SameSite=Lax"},
	{"early year", Cookie{Name: "a", Expires: time.Date(1600, 12, 31, 0, 0, 0, 0, time.UTC)}, ""},
	{"late year", Cookie{Name: "a", Expires: time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC)}, ""},
	{"no name", Cookie{Value: "b"}, ""},
	{"name with =", Cookie{Name: "a=b"}, ""},
	{"name with ;", Cookie{Name: "a;b"}, ""},
	{"name with a blank", Cookie{Name: "a b"}, ""},
	{"name with CR LF", Cookie{Name: "a\r\nX: y"}, ""},
	{"value with ;", Cookie{Name: "a", Value: "b; Domain=evil.example"}, ""},
	{"value with CR LF", Cookie{Name: "a", Value: "b\r\nSet-Cookie: c=d"}, ""},
	{"value with NUL", Cookie{Name: "a", Value: "b\x00"}, ""},
	{"value with a blank", Cookie{Name: "a", Value: "b c"}, ""},
	{"value with a comma", Cookie{Name: "a", Value: "b,c"}, ""},
	{"value with a quote", Cookie{Name: "a", Value: `"b"`}, ""},
	{"value with a backslash", Cookie{Name: "a", Value: `\`}, ""},
	{"value not ASCII", Cookie{Name: "a", Value: "é"}, ""},
	{"as large as allowed", Cookie{Name: "a", Value: strings.Repeat("b", 4095)}, "a=" + strings.Repeat("b", 4095) + "; Path=/; SameSite=Lax"},
	{"too large", Cookie{Name: "a", Value: strings.Repeat("b", 4096)}, ""},
	{"relative path", Cookie{Name: "a", Path: "x"}, ""},
	{"path with ;", Cookie{Name: "a", Path: "/; Domain=evil.example"}, ""},
	{"path with LF", Cookie{Name: "a", Path: "/\n"}, ""},
	{"path not ASCII", Cookie{Name: "a", Path: "/é"}, ""},
	{"long path", Cookie{Name: "a", Path: "/" + strings.Repeat("x", 1024)}, ""},
	{"domain with ;", Cookie{Name: "a", Domain: "example.com; Secure"}, ""},
	{"domain with a port", Cookie{Name: "a", Domain: "example.com:80"}, ""},
	{"domain with two dots", Cookie{Name: "a", Domain: "example..com"}, ""},
	{"domain of a dot", Cookie{Name: "a", Domain: "."}, ""},
	{"domain with a dot behind", Cookie{Name: "a", Domain: "example.com."}, ""},
	{"domain with a hyphen first", Cookie{Name: "a", Domain: "-example.com"}, ""},
	{"domain with a hyphen last", Cookie{Name: "a", Domain: "example-.com"}, ""},
	{"domain with hyphens and digits", Cookie{Name: "a", Domain: "a-1.EXAMPLE.com"}, "a=; Path=/; Domain=a-1.EXAMPLE.com; SameSite=Lax"},
	{"domain with a long label", Cookie{Name: "a", Domain: strings.Repeat("x", 64) + ".com"}, ""},
	{"long domain", Cookie{Name: "a", Domain: strings.Repeat("x.", 128) + "com"}, ""},
	{"domain not ASCII", Cookie{Name: "a", Domain: "exämple.com"}, ""},
	{"unknown SameSite", Cookie{Name: "a", SameSite: "lax"}, ""},
	{"SameSite=None", Cookie{Name: "a", SameSite: SameSiteNone, Secure: true}, "a=; Path=/; Secure; SameSite=None"},
	{"SameSite=None without Secure", Cookie{Name: "a", SameSite: SameSiteNone}, ""},
	{"Partitioned without Secure", Cookie{Name: "a", Partitioned: true}, ""},
	{"__Host-", Cookie{Name: "__Host-a", Secure: true}, "__Host-a=; Path=/; Secure; SameSite=Lax"},
	{"__Host- without Secure", Cookie{Name: "__Host-a"}, ""},
	{"__Host- with another path", Cookie{Name: "__Host-a", Secure: true, Path: "/x"}, ""},
	{"__Host- with a domain", Cookie{Name: "__Host-a", Secure: true, Domain: "example.com"}, ""},
	{"__host- in another case", Cookie{Name: "__hOsT-a"}, ""},
	{"__Secure-", Cookie{Name: "__Secure-a", Secure: true, Domain: "example.com", Path: "/x"}, "__Secure-a=; Path=/x; Domain=example.com; Secure; SameSite=Lax"},
	{"__Secure- without Secure", Cookie{Name: "__Secure-a"}, ""},
	{"__SECURE- in another case", Cookie{Name: "__SECURE-a"}, ""},
	{"__Http-", Cookie{Name: "__Http-a", Secure: true, HTTPOnly: true, Path: "/x"}, "__Http-a=; Path=/x; Secure; HttpOnly; SameSite=Lax"},
	{"__Http- without HTTPOnly", Cookie{Name: "__Http-a", Secure: true}, ""},
	{"__Http- without Secure", Cookie{Name: "__Http-a", HTTPOnly: true}, ""},
	{"__Host-Http- without HTTPOnly", Cookie{Name: "__Host-Http-a", Secure: true}, ""},
	{"__Host-Http- with another path", Cookie{Name: "__Host-Http-a", Secure: true, HTTPOnly: true, Path: "/x"}, ""},
}

func TestSetCookie(t *testing.T) {
	for _, tt := range setCookieCases {
		t.Run(tt.name, func(t *testing.T) {
			answer := answerTo(t, "/", func(c *Context) error {
				err := c.SetCookie(tt.cookie)
				if tt.want == "" {
					require.ErrorContains(t, err, "wherry: cookie ")
				} else {
					require.NoError(t, err)
				}
				return c.NoContent()
			}, request("GET", "/", ""))
			require.Equal(t, 204, answer.Status)
			require.Equal(t, tt.want, answer.Headers.Get("Set-Cookie"))
			if tt.want != "" {
				theirs, err := http.ParseSetCookie(tt.want)
				require.NoError(t, err)
				require.Equal(t, tt.cookie.Value, theirs.Value)
				require.Equal(t, tt.cookie.Secure, theirs.Secure)
				require.Equal(t, tt.cookie.Partitioned, theirs.Partitioned)
				require.Empty(t, theirs.Unparsed)
			}
		})
	}
}

func TestDeleteCookie(t *testing.T) {
	answer := answerTo(t, "/", func(c *Context) error {
		require.NoError(t, c.SetCookie(Cookie{Name: "a", Value: "1"}))
		for _, name := range []string{"a", "__host-b", "__Secure-c", "__Host-Http-d"} {
			require.NoError(t, c.DeleteCookie(name))
		}
		require.Error(t, c.DeleteCookie("a b"))
		return c.NoContent()
	}, request("GET", "/", ""))
	require.Equal(t, []string{
		"a=1; Path=/; SameSite=Lax",
		"a=; Path=/; Max-Age=0; SameSite=Lax",
		"__host-b=; Path=/; Max-Age=0; Secure; SameSite=Lax",
		"__Secure-c=; Path=/; Max-Age=0; Secure; SameSite=Lax",
		"__Host-Http-d=; Path=/; Max-Age=0; Secure; HttpOnly; SameSite=Lax",
	}, answer.Headers.Values("Set-Cookie"))
}

var cookieCases = []struct {
	name, field string
	want        string // name=value|...
}{
	{"one", "a=1", "a=1"},
	{"several", "a=1; b=2;c=3 ;	d=4", "a=1|b=2|c=3|d=4"},
	{"same name", "a=1; a=2", "a=1|a=2"},
	{"names have case", "A=1; a=2", "A=1|a=2"},
	{"quotes", `a="1"; b="; c="x`, "a=1"},
	{"quotes around nothing", `a=""`, "a="},
	{"empty value", "a=", "a="},
	{"value with =", "a=b=c", "a=b=c"},
	{"blank before =", "a =1", "a=1"},
	{"others' blanks and commas", "a=1 2,3", "a=1 2,3"},
	{"no =", "a; b=1", "b=1"},
	{"no name", "=__Host-a=1; =b; b=1", "b=1"},
	{"empty pairs", ";; a=1;;", "a=1"},
	{"name that is no token", "a b=1; a[0]=2; c=3", "c=3"},
	{"value with a backslash", `a=\; b=1`, "b=1"},
	{"value not ASCII", "a=\xc3\xa9; b=1", "b=1"},
	// A reader that knew quotes would see one cookie here, and a script that
	// can set it could hide others.
	{"semicolon in quotes", `a="x; b=1; c="`, "b=1"},
	{"old version", "$Version=1; a=1", "$Version=1|a=1"},
}

func TestCookies(t *testing.T) {
	for _, tt := range cookieCases {
		t.Run(tt.name, func(t *testing.T) {
			require.Equal(t, tt.want, strings.Join(cookiesOf(t, tt.field), "|"))
			theirs := http.Request{Header: http.Header{"Cookie": {tt.field}}}
			for _, k := range theirs.Cookies() {
				if strings.Contains(tt.field, k.Name+"=") || strings.Contains(tt.field, k.Name+" =") {
					require.Contains(t, cookiesOf(t, tt.field), k.Name+"="+k.Value)
				}
			}
		})
	}
}

func cookiesOf(t testing.TB, fields ...string) (got []string) {
	t.Helper()
	lines := make([]string, len(fields))
	for i, f := range fields {
		lines[i] = "Cookie: " + f
	}
	within(t, "/", request("GET", "/", "", lines...), func(c *Context) {
		for name, value := range c.Cookies() {
			got = append(got, name+"="+value)
		}
	})
	return got
}

func TestCookieByName(t *testing.T) {
	within(t, "/", request("GET", "/", "", "Cookie: a=1; A=2; a=3", "cookie: b=4"), func(c *Context) {
		for name, want := range map[string]string{"a": "1", "A": "2", "b": "4"} {
			value, found := c.Cookie(name)
			require.True(t, found)
			require.Equal(t, want, value)
		}
		_, found := c.Cookie("c")
		require.False(t, found)
		for name := range c.Cookies() { // may be left
			require.Equal(t, "a", name)
			break
		}
	})
}

// CVE-2025-58186: a field of nothing but small cookies.
func TestCookiesAreBounded(t *testing.T) {
	got := cookiesOf(t, strings.Repeat("a=;", 150), strings.Repeat("b=;", 150))
	require.Len(t, got, maxCookies)
	require.Len(t, cookiesOf(t, strings.Repeat(";", 150)+"a=1", strings.Repeat(";", 49)+"b=1"), 1, "empty pairs count")
}

func FuzzCookie(f *testing.F) {
	for _, tt := range cookieCases {
		f.Add(tt.field)
	}
	f.Fuzz(func(t *testing.T, field string) {
		var ours []string
		for rest := []byte(field); len(rest) > 0; {
			var name, value []byte
			var ok bool
			if name, value, rest, ok = nextCookie(rest); ok {
				ours = append(ours, fmt.Sprintf("%s=%s", name, value))
			}
		}
		r := http.Request{Header: http.Header{"Cookie": {field}}}
		var theirs []string
		for _, k := range r.Cookies() {
			theirs = append(theirs, k.Name+"="+k.Value)
		}
		if strings.ContainsAny(field, "\r\n\v\f") || strings.Count(field, ";") > 2000 {
			return // such a field does not come here
		}
		// Theirs also takes names without "=" for empty cookies.
		for ; len(theirs) > 0; theirs = theirs[1:] {
			if len(ours) > 0 && ours[0] == theirs[0] {
				ours = ours[1:]
				continue
			}
			require.True(t, strings.HasSuffix(theirs[0], "="), "%q: theirs has %q, ours goes on with %q", field, theirs[0], ours)
		}
		require.Empty(t, ours, "%q", field)
	})
}
