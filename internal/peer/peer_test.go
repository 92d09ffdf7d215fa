package peer_test

import (
	"net"
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"

	"wherry.example/wherry/internal/peer"
)

func networks(texts ...string) (list []netip.Prefix) {
	for _, s := range texts {
		list = append(list, netip.MustParsePrefix(s))
	}
	return list
}

func tcp(s string) net.Addr { return net.TCPAddrFromAddrPort(netip.MustParseAddrPort(s)) }

// named is an address of a transport of its own, without an IP address.
type named string

func (n named) Network() string { return string(n) }
func (named) String() string    { return "10.0.0.1:1" }

func TestHas(t *testing.T) {
	all := []string{"0.0.0.0/0", "::/0"}
	unix := &net.UnixAddr{Net: "unix", Name: "@"}
	for _, test := range []struct {
		networks []string
		unix     bool
		remote   net.Addr
		want     bool
	}{
		{[]string{"10.0.0.0/8"}, false, tcp("10.1.2.3:1"), true},
		{[]string{"10.0.0.0/8"}, false, tcp("11.1.2.3:1"), false},
		{[]string{"192.0.2.0/24", "10.0.0.0/8"}, false, tcp("10.1.2.3:1"), true},
		{[]string{"10.0.0.0/8"}, false, tcp("[::ffff:10.1.2.3]:1"), true},
		{[]string{"10.0.0.0/8"}, false, &net.TCPAddr{IP: net.IPv4(10, 1, 2, 3)}, true}, // 16 bytes long
		{[]string{"::/0"}, false, tcp("[::ffff:10.1.2.3]:1"), false},
		{[]string{"0.0.0.0/0"}, false, tcp("[2001:db8::1]:1"), false},
		{[]string{"2001:db8::/32"}, false, tcp("[2001:db8::1]:1"), true},
		{[]string{"fe80::/10"}, false, tcp("[fe80::1%eth0]:1"), true},
		{all, false, unix, false},
		{nil, true, unix, true},
		{nil, true, tcp("10.0.0.1:1"), false},
		{nil, true, tcp("127.0.0.1:1"), false},
		{all, true, named("unknown"), false},
		{all, true, named("unixgram"), false},
		{all, true, &net.TCPAddr{}, false},
		{all, true, nil, false},
		{nil, false, tcp("127.0.0.1:1"), false},
		{nil, false, unix, false},
	} {
		set, err := peer.NewSet(networks(test.networks...), test.unix)
		require.NoError(t, err)
		require.Equal(t, test.want, set.Has(test.remote), "%v %v: %v", test.networks, test.unix, test.remote)
		require.Equal(t, test.networks == nil && !test.unix, set.Empty())
	}
	require.False(t, new(peer.Set).Has(tcp("127.0.0.1:1")))
}

func TestContains(t *testing.T) {
	set, err := peer.NewSet(networks("10.0.0.0/8", "fe80::/10"), true)
	require.NoError(t, err)
	for text, want := range map[string]bool{"10.1.2.3": true, "::ffff:10.1.2.3": true, "fe80::1%eth0": true, "192.0.2.1": false, "::1": false} {
		require.Equal(t, want, set.Contains(netip.MustParseAddr(text)), text)
	}
	require.False(t, set.Contains(netip.Addr{}))
}

func TestAddrOf(t *testing.T) {
	require.Equal(t, "10.1.2.3", peer.AddrOf(tcp("[::ffff:10.1.2.3]:1")).String())
	require.Equal(t, "fe80::1", peer.AddrOf(tcp("[fe80::1%eth0]:1")).String())
	require.False(t, peer.AddrOf(named("unknown")).IsValid())
	require.False(t, peer.AddrOf(nil).IsValid())
}

func TestMistakes(t *testing.T) {
	for want, list := range map[string][]netip.Prefix{
		"network 2 is the zero":                    {netip.MustParsePrefix("10.0.0.0/8"), {}},
		"give 10.0.0.0/8, or 10.0.0.1/32":          networks("10.0.0.1/8"),
		"::ffff:10.0.0.0/104 never matches":        networks("::ffff:10.0.0.0/104"),
		"give 2001:db8::/32, or 2001:db8::1/128":   networks("2001:db8::1/32"),
		"give 10.0.0.0 in that form":               networks("::ffff:10.0.0.0/104"),
		"as netip.MustParsePrefix(\"10.0.0.0/8\")": {{}},
	} {
		_, err := peer.NewSet(list, false)
		require.ErrorContains(t, err, want)
	}
}

// told is a connection that began with a word about the client.
type told struct{ net.Conn }

func (told) ClientEncrypted() bool { return true }

type untold struct{ net.Conn }

func (untold) ClientEncrypted() bool { return false }

type unwraps struct{ net.Conn }

func (u unwraps) Unwrap() net.Conn { return u.Conn }

type hasNetConn struct{ net.Conn }

func (h hasNetConn) NetConn() net.Conn { return h.Conn }

// opaque wraps and does not say what.
type opaque struct{ net.Conn }

func TestClientEncrypted(t *testing.T) {
	for _, test := range []struct {
		conn net.Conn
		want bool
	}{
		{nil, false},
		{opaque{}, false},
		{told{}, true},
		{untold{}, false},
		{unwraps{told{}}, true},
		{hasNetConn{unwraps{told{}}}, true},
		{untold{told{}}, false}, // who speaks last speaks for all below
		{opaque{told{}}, false},
		{unwraps{}, false},
	} {
		require.Equal(t, test.want, peer.ClientEncrypted(test.conn), "%#v", test.conn)
	}
	layer, ok := peer.Layer[unwraps](hasNetConn{unwraps{told{}}})
	require.True(t, ok)
	require.Equal(t, unwraps{told{}}, layer)
}

func TestIsLocal(t *testing.T) {
	for _, end := range []net.Addr{tcp("127.0.0.1:1"), tcp("127.9.9.9:1"), tcp("[::1]:1"), tcp("[::ffff:127.0.0.1]:1"), &net.UnixAddr{Net: "unix"}} {
		require.True(t, peer.IsLocal(end), "%v", end)
	}
	for _, end := range []net.Addr{nil, tcp("192.0.2.1:1"), tcp("0.0.0.0:1"), tcp("[::]:1"), tcp("[fe80::1]:1"), &net.TCPAddr{}, named("remote unix")} {
		require.False(t, peer.IsLocal(end), "%v", end)
	}
}
