package middleware_test

import (
	"fmt"
	"net"
	"net/netip"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"wherry.example/wherry"
	"wherry.example/wherry/middleware"
)

func tellClient(c *wherry.Context) error {
	return c.Text(200, middleware.ClientIPOf(c).String()+" "+middleware.SchemeOf(c))
}

// clientOf asks from an address what the server takes the client for.
func clientOf(t *testing.T, o middleware.ClientIPOptions, remote net.Addr, fields ...string) string {
	t.Helper()
	app := wherry.New().Use(middleware.ClientIP(o)).Get("/", tellClient)
	fields = append([]string{"GET / HTTP/1.1", "Host: x"}, fields...)
	answers := over(t, app, remote, strings.Join(fields, "\r\n")+"\r\n\r\n")
	return bodiesOf(t, answers)[0]
}

// TestClientIPForwardedFor: the leftmost entry is the client's own word, which
// CVE-2020-28483 (gin) and GHSA-3fxj-6jh8-hvhx, -rjr7-jggh-pgcp and
// -9g5q-2w5x-hmxf (chi) believed.
func TestClientIPForwardedFor(t *testing.T) {
	many := strings.Repeat("10.0.0.9, ", 40)
	for _, test := range []struct {
		name, peer string
		lines      []string
		want       string
	}{
		{"no field", "10.0.0.1", nil, "10.0.0.1"},
		{"one hop", "10.0.0.1", []string{"203.0.113.5"}, "203.0.113.5"},
		{"peer is not named", "203.0.113.9", []string{"198.51.100.1"}, "203.0.113.9"},
		{"the leftmost is not believed", "10.0.0.1", []string{"1.1.1.1, 203.0.113.5"}, "203.0.113.5"},
		{"two proxies", "10.0.0.1", []string{"1.1.1.1, 203.0.113.5, 10.0.0.2"}, "203.0.113.5"},
		{"over several lines", "10.0.0.1", []string{"1.1.1.1", "203.0.113.5", "10.0.0.2, 10.0.0.3"}, "203.0.113.5"},
		{"only proxies", "10.0.0.1", []string{"10.0.0.3, 10.0.0.2"}, "10.0.0.3"},
		{"no address ends the walk", "10.0.0.1", []string{"203.0.113.5, unknown, 10.0.0.2"}, "10.0.0.2"},
		{"no address at once", "10.0.0.1", []string{"203.0.113.5, "}, "10.0.0.1"},
		{"empty field", "10.0.0.1", []string{""}, "10.0.0.1"},
		{"empty member", "10.0.0.1", []string{"203.0.113.5,,10.0.0.2"}, "10.0.0.2"},
		{"port", "10.0.0.1", []string{"203.0.113.5:4711"}, "203.0.113.5"},
		{"IPv6", "10.0.0.1", []string{"2001:db8::7"}, "2001:db8::7"},
		{"IPv6 in brackets", "10.0.0.1", []string{"[2001:db8::7]"}, "2001:db8::7"},
		{"IPv6 and port", "10.0.0.1", []string{"[2001:db8::7]:4711"}, "2001:db8::7"},
		{"brackets around IPv4", "10.0.0.1", []string{"[203.0.113.5]"}, "10.0.0.1"},
		{"half a bracket", "10.0.0.1", []string{"2001:db8::7]"}, "10.0.0.1"},
		{"IPv4 in IPv6", "10.0.0.1", []string{"::ffff:203.0.113.5"}, "203.0.113.5"},
		{"a proxy in that form", "::ffff:10.0.0.1", []string{"203.0.113.5, ::ffff:10.0.0.2"}, "203.0.113.5"},
		{"zone", "10.0.0.1", []string{"fe80::1%eth0"}, "fe80::1"},
		{"leading zeros", "10.0.0.1", []string{"203.0.113.005"}, "10.0.0.1"},
		{"blanks", "10.0.0.1", []string{" \t 203.0.113.5 \t "}, "203.0.113.5"},
		{"a name", "10.0.0.1", []string{"localhost"}, "10.0.0.1"},
		{"too many hops", "10.0.0.1", []string{"203.0.113.5, " + many + "10.0.0.2"}, "10.0.0.9"},
		{"Forwarded is another field", "10.0.0.1", []string{"203.0.113.5\r\nForwarded: for=1.1.1.1"}, "203.0.113.5"},
	} {
		t.Run(test.name, func(t *testing.T) {
			var fields []string
			for _, l := range test.lines {
				fields = append(fields, "X-Forwarded-For: "+l)
			}
			got := clientOf(t, middleware.ClientIPOptions{TrustedProxies: prefixes("10.0.0.0/8")}, tcp(test.peer), fields...)
			require.Equal(t, test.want+" http", got)
		})
	}
}

// TestClientIPHops: the cap is exact.
func TestClientIPHops(t *testing.T) {
	o := middleware.ClientIPOptions{TrustedProxies: prefixes("10.0.0.0/8")}
	walk := func(proxies int) string {
		return clientOf(t, o, tcp("10.0.0.1"), "X-Forwarded-For: 203.0.113.5"+strings.Repeat(", 10.0.0.2", proxies))
	}
	require.Equal(t, "203.0.113.5 http", walk(31))
	require.Equal(t, "10.0.0.2 http", walk(32))
	o.Field = "Forwarded"
	walk = func(proxies int) string {
		return clientOf(t, o, tcp("10.0.0.1"), "Forwarded: for=203.0.113.5"+strings.Repeat(", for=10.0.0.2", proxies))
	}
	require.Equal(t, "203.0.113.5 http", walk(31))
	require.Equal(t, "10.0.0.1 http", walk(32))
	walk = func(lines int) string {
		return clientOf(t, o, tcp("10.0.0.1"), "Forwarded: for=203.0.113.5"+strings.Repeat("\r\nForwarded: for=10.0.0.2", lines))
	}
	require.Equal(t, "203.0.113.5 http", walk(31))
	require.Equal(t, "10.0.0.2 http", walk(32))
}

func TestClientIPForwarded(t *testing.T) {
	for _, test := range []struct{ name, peer, field, want string }{
		{"one hop", "10.0.0.1", "for=203.0.113.5;proto=https", "203.0.113.5 https"},
		{"case and blanks", "10.0.0.1", " FOR=203.0.113.5 ; Proto=HTTPS ", "203.0.113.5 https"},
		{"peer is not named", "203.0.113.9", "for=198.51.100.1;proto=https", "203.0.113.9 http"},
		{"from the right", "10.0.0.1", "for=1.1.1.1, for=203.0.113.5;proto=https, for=10.0.0.2;proto=http", "203.0.113.5 https"},
		{"several lines", "10.0.0.1", "for=1.1.1.1\r\nForwarded: for=203.0.113.5\r\nForwarded: for=10.0.0.2", "203.0.113.5 http"},
		{"quoted", "10.0.0.1", `for="[2001:db8::7]:4711";by="a,b;c\"d"`, "2001:db8::7 http"},
		{"a comma in quotes is no new element", "10.0.0.1", `for=203.0.113.5;by="x, for=1.1.1.1"`, "203.0.113.5 http"},
		{"quotes that do not close", "10.0.0.1", `for="203.0.113.5, for=1.1.1.1`, "10.0.0.1 http"},
		{"escape at the end", "10.0.0.1", `for="203.0.113.5\`, "10.0.0.1 http"},
		{"unknown", "10.0.0.1", "for=1.1.1.1, for=unknown, for=10.0.0.2", "10.0.0.2 http"},
		{"obfuscated", "10.0.0.1", "for=1.1.1.1, for=_hidden", "10.0.0.1 http"},
		{"without for", "10.0.0.1", "for=1.1.1.1, proto=https", "10.0.0.1 http"},
		{"twice for", "10.0.0.1", "for=203.0.113.5;for=1.1.1.1", "10.0.0.1 http"},
		{"empty for", "10.0.0.1", "for=;for=1.1.1.1", "10.0.0.1 http"},
		{"malformed", "10.0.0.1", "for", "10.0.0.1 http"},
		{"malformed behind", "10.0.0.1", `for=203.0.113.5 x, for=10.0.0.2`, "10.0.0.1 http"},
		{"malformed quotes", "10.0.0.1", `for="203.0.113.5"x`, "10.0.0.1 http"},
		{"empty", "10.0.0.1", "", "10.0.0.1 http"},
		{"empty pairs", "10.0.0.1", ";for=203.0.113.5;;", "203.0.113.5 http"},
		{"unknown scheme", "10.0.0.1", "for=203.0.113.5;proto=gopher", "203.0.113.5 http"},
		{"X-Forwarded-For is another field", "10.0.0.1", "for=203.0.113.5\r\nX-Forwarded-For: 1.1.1.1\r\nX-Forwarded-Proto: https", "203.0.113.5 http"},
	} {
		t.Run(test.name, func(t *testing.T) {
			o := middleware.ClientIPOptions{TrustedProxies: prefixes("10.0.0.0/8"), Field: "Forwarded"}
			require.Equal(t, test.want, clientOf(t, o, tcp(test.peer), "Forwarded: "+test.field))
		})
	}
}

// TestClientIPSingle: CVE-2026-45045 was a proxy field that was added to
// instead of set; of several values none is believed.
func TestClientIPSingle(t *testing.T) {
	o := middleware.ClientIPOptions{TrustedProxies: prefixes("10.0.0.0/8"), Field: "X-Real-Ip"}
	require.Equal(t, "203.0.113.5 http", clientOf(t, o, tcp("10.0.0.1"), "X-Real-IP: 203.0.113.5"))
	require.Equal(t, "10.0.0.1 http", clientOf(t, o, tcp("10.0.0.1"), "X-Real-IP: 1.1.1.1", "X-Real-IP: 203.0.113.5"))
	require.Equal(t, "10.0.0.1 http", clientOf(t, o, tcp("10.0.0.1"), "X-Real-IP: 1.1.1.1, 203.0.113.5"))
	require.Equal(t, "10.0.0.1 http", clientOf(t, o, tcp("10.0.0.1"), "X-Forwarded-For: 203.0.113.5"))
	require.Equal(t, "192.0.2.9 http", clientOf(t, o, tcp("192.0.2.9"), "X-Real-IP: 203.0.113.5"))
}

func TestClientIPScheme(t *testing.T) {
	o := middleware.ClientIPOptions{TrustedProxies: prefixes("10.0.0.0/8")}
	require.Equal(t, "10.0.0.1 https", clientOf(t, o, tcp("10.0.0.1"), "X-Forwarded-Proto: HTTPS"))
	require.Equal(t, "10.0.0.1 http", clientOf(t, o, tcp("10.0.0.1"), "X-Forwarded-Proto: https, http"))
	require.Equal(t, "10.0.0.1 http", clientOf(t, o, tcp("10.0.0.1"), "X-Forwarded-Proto: https", "X-Forwarded-Proto: https"))
	require.Equal(t, "192.0.2.9 http", clientOf(t, o, tcp("192.0.2.9"), "X-Forwarded-Proto: https"))
}

// TestClientIPZero: without options nobody is believed, CVE-2023-41338 (fiber)
// and the defaults of gin and hertz.
func TestClientIPZero(t *testing.T) {
	for _, peer := range []string{"127.0.0.1", "::1", "10.0.0.1", "192.0.2.9"} {
		got := clientOf(t, middleware.ClientIPOptions{}, tcp(peer),
			"X-Forwarded-For: 127.0.0.1", "X-Real-IP: 127.0.0.1", "Forwarded: for=127.0.0.1", "X-Forwarded-Proto: https")
		require.Equal(t, peer+" http", got)
	}
}

func TestClientIPUnix(t *testing.T) {
	unix := &net.UnixAddr{Name: "@", Net: "unix"}
	field := "X-Forwarded-For: 203.0.113.5"
	require.Equal(t, "invalid IP http", clientOf(t, middleware.ClientIPOptions{TrustedProxies: prefixes("0.0.0.0/0", "::/0")}, unix, field))
	require.Equal(t, "203.0.113.5 http", clientOf(t, middleware.ClientIPOptions{TrustUnix: true}, unix, field))
	require.Equal(t, "192.0.2.9 http", clientOf(t, middleware.ClientIPOptions{TrustUnix: true}, tcp("192.0.2.9"), field))
}

func TestClientIPMistakes(t *testing.T) {
	for want, o := range map[string]middleware.ClientIPOptions{
		`Field "X Real"`:                    {TrustedProxies: prefixes("10.0.0.0/8"), Field: "X Real"},
		"nobody is believed":                {Field: "Forwarded"},
		"TrustedProxies: network 1":         {TrustedProxies: []netip.Prefix{{}}},
		"give 10.0.0.0/8, or 10.0.0.1/32":   {TrustedProxies: prefixes("10.0.0.1/8")},
		"::ffff:10.0.0.0/104 never matches": {TrustedProxies: prefixes("::ffff:10.0.0.0/104")},
	} {
		require.Contains(t, mistakeOf(t, middleware.ClientIP(o)), want)
	}
}

func ExampleClientIP() {
	app := wherry.New().
		Use(middleware.ClientIP(middleware.ClientIPOptions{
			TrustedProxies: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}, // of the balancer
		})).
		Get("/", func(c *wherry.Context) error {
			fmt.Println(middleware.ClientIPOf(c).IsValid()) // app.Test has no address
			return c.NoContent()
		})
	if _, err := app.Test("GET / HTTP/1.1\r\nHost: example.com\r\nX-Forwarded-For: 127.0.0.1\r\n\r\n"); err != nil {
		panic(err)
	}
	// Output: false
}
