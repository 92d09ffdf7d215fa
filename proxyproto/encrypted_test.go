package proxyproto_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"wherry.example/wherry"
	"wherry.example/wherry/engine"
	"wherry.example/wherry/middleware"
	"wherry.example/wherry/proxyproto"
)

const (
	addressesV2 = "\xc0\x00\x02\x01\xc6\x33\x64\x02\x30\x39\x01\xbb"
	overTLS     = "\r\n\r\n\x00\r\nQUIT\n\x21\x11\x00\x14" + addressesV2 + "\x20\x00\x05\x01\x00\x00\x00\x01"
	inClear     = "\r\n\r\n\x00\r\nQUIT\n\x21\x11\x00\x14" + addressesV2 + "\x20\x00\x05\x00\x00\x00\x00\x01"
)

// TestScheme: behind a balancer that ends TLS the scheme is what its header
// says, so that a redirect to https ends, on every engine; nobody else's word
// counts.
func TestScheme(t *testing.T) {
	const claim = "X-Forwarded-Proto: https\r\nForwarded: proto=https\r\n"
	trusting := proxyproto.Options{TrustedProxies: loopback}
	assuming := proxyproto.Options{TrustedProxies: loopback, AssumeTLS: true}
	foreign := proxyproto.Options{TrustedProxies: []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")}, AssumeTLS: true, AllowDirect: true}
	for _, test := range []struct {
		name   string
		o      proxyproto.Options
		header string
		want   string
	}{
		{"over TLS", trusting, overTLS, "200 https false true"},
		{"in clear", trusting, inClear, "308"},
		{"not told", trusting, headerV2, "308"},
		{"version 1", trusting, headerV1, "308"},
		{"version 1 assumed", assuming, headerV1, "200 https false true"},
		{"not told assumed", assuming, headerV2, "200 https false true"},
		{"in clear, which counts before what is assumed", assuming, inClear, "308"},
		{"the balancer for itself", assuming, localV2, "308"},
		{"not from a balancer", foreign, "", "308"},
	} {
		for _, kind := range engine.All() {
			t.Run(test.name+" "+string(kind), func(t *testing.T) {
				c := dial(t, serveScheme(t, kind, test.o))
				defer func() { _ = c.Close() }()
				require.NoError(t, c.SetDeadline(time.Now().Add(patience)))
				r := bufio.NewReader(c)
				for _, header := range []string{test.header, ""} {
					_, err := io.WriteString(c, header+"GET / HTTP/1.1\r\nHost: example.com\r\n"+claim+"\r\n")
					require.NoError(t, err)
					answer, err := http.ReadResponse(r, nil)
					require.NoError(t, err)
					content, err := io.ReadAll(answer.Body)
					require.NoError(t, err)
					got := fmt.Sprint(answer.StatusCode)
					if answer.StatusCode == 200 {
						got += " " + string(content)
					}
					require.Equal(t, test.want, got)
				}
			})
		}
	}
}

func serveScheme(t *testing.T, kind engine.Kind, o proxyproto.Options) (addr string) {
	t.Helper()
	inner, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	app := wherry.New().Engine(kind).Use(
		middleware.ClientIP(middleware.ClientIPOptions{TrustedProxies: []netip.Prefix{netip.MustParsePrefix("203.0.113.0/24")}}),
		middleware.HTTPSRedirect(middleware.HTTPSRedirectOptions{Hosts: []string{"example.com"}}),
	).Get("/", func(c *wherry.Context) error {
		h, _ := proxyproto.HeaderOf(c.Conn().NetConn())
		return c.Text(200, fmt.Sprint(middleware.SchemeOf(c), " ", c.Conn().Encrypted(), " ", h.Encrypted))
	})
	served := make(chan error, 1)
	go func() { served <- app.Serve(wrap(t, inner, o)) }()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		require.NoError(t, app.Shutdown(ctx))
		require.NoError(t, <-served)
	})
	return inner.Addr().String()
}

// TestRemoteUnix: who trusts peers on Unix sockets does not mean those on the
// machine of a balancer.
func TestRemoteUnix(t *testing.T) {
	path := func(s string) string { return s + strings.Repeat("\x00", 108-len(s)) }
	header := "\r\n\r\n\x00\r\nQUIT\n\x21\x31\x00\xd8" + path("/run/client") + path("/run/balancer")
	inner, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	app := wherry.New().
		Use(middleware.ClientIP(middleware.ClientIPOptions{TrustUnix: true})).
		Get("/", func(c *wherry.Context) error {
			return c.Text(200, fmt.Sprint(c.RemoteAddr(), " ", middleware.ClientIPOf(c), " ", middleware.SchemeOf(c)))
		})
	served := make(chan error, 1)
	go func() { served <- app.Serve(wrap(t, inner, proxyproto.Options{TrustedProxies: loopback})) }()
	const forged = "X-Forwarded-For: 203.0.113.9\r\nX-Forwarded-Proto: https\r\nConnection: close\r\n\r\n"
	require.Equal(t, "/run/client invalid IP http", talk(t, dial(t, inner.Addr().String()), header+"GET / HTTP/1.1\r\nHost: x\r\n"+forged))
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	require.NoError(t, app.Shutdown(ctx))
	require.NoError(t, <-served)
}
