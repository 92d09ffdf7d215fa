package proxyproto

import (
	"encoding/binary"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// v2 makes a header of version 2.
func v2(command, family byte, content string) string {
	b := append([]byte(nil), signatureV2...)
	b = append(b, command, family)
	b = binary.BigEndian.AppendUint16(b, uint16(len(content)))
	return string(b) + content
}

const (
	fourAddresses = "\xc0\x00\x02\x01\xc6\x33\x64\x02\x30\x39\x01\xbb" // 192.0.2.1:12345 to 198.51.100.2:443
	sixAddresses  = "\x20\x01\x0d\xb8\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01" +
		"\x20\x01\x0d\xb8\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x30\x39\x01\xbb"
	tlvs = "\x04\x00\x02ab\x01\x00\x02h2"
)

func path(s string) string { return s + strings.Repeat("\x00", 108-len(s)) }

var good = []struct {
	name, raw, source, destination, tlvs string
	version                              int
}{
	{"v1 TCP4", "PROXY TCP4 192.0.2.1 198.51.100.2 12345 443\r\n", "192.0.2.1:12345", "198.51.100.2:443", "", 1},
	{"v1 TCP6", "PROXY TCP6 2001:db8::1 2001:db8::2 1 65535\r\n", "[2001:db8::1]:1", "[2001:db8::2]:65535", "", 1},
	{"v1 mapped", "PROXY TCP6 ::ffff:192.0.2.1 2001:db8::2 1 2\r\n", "192.0.2.1:1", "[2001:db8::2]:2", "", 1},
	{"v1 UNKNOWN", "PROXY UNKNOWN\r\n", "", "", "", 1},
	{"v1 UNKNOWN longest", "PROXY UNKNOWN ffff:f...f:ffff ffff:f...f:ffff 65535 65535" + strings.Repeat(" ", 48) + "\r\n", "", "", "", 1},
	{"v2 TCP4", v2(0x21, 0x11, fourAddresses), "192.0.2.1:12345", "198.51.100.2:443", "", 2},
	{"v2 TCP6", v2(0x21, 0x21, sixAddresses), "[2001:db8::1]:12345", "[2001:db8::2]:443", "", 2},
	{"v2 unix", v2(0x21, 0x31, path("/run/a")+path("/run/b")), "/run/a", "/run/b", "", 2},
	{"v2 unix full", v2(0x21, 0x31, strings.Repeat("a", 108)+path("/b")), strings.Repeat("a", 108), "/b", "", 2},
	{"v2 TLVs", v2(0x21, 0x11, fourAddresses+tlvs), "192.0.2.1:12345", "198.51.100.2:443", tlvs, 2},
	{"v2 LOCAL", v2(0x20, 0x00, ""), "", "", "", 2},
	{"v2 LOCAL with addresses", v2(0x20, 0x11, fourAddresses), "", "", "", 2},
	{"v2 unspecified", v2(0x21, 0x00, "whatever"), "", "", "", 2},
}

func TestParse(t *testing.T) {
	for _, test := range good {
		t.Run(test.name, func(t *testing.T) {
			for end := range len(test.raw) {
				_, n, err := parse([]byte(test.raw[:end]), defaultHeaderBytes)
				require.NoError(t, err)
				require.Zero(t, n, "it is complete only at its end")
			}
			h, n, err := parse([]byte(test.raw+"GET / HTTP/1.1\r\n"), defaultHeaderBytes)
			require.NoError(t, err)
			require.Equal(t, len(test.raw), n)
			require.Equal(t, test.version, h.Version)
			require.Equal(t, test.tlvs, string(h.TLVs))
			if test.source == "" {
				require.Nil(t, h.Source)
				require.Nil(t, h.Destination)
				return
			}
			require.Equal(t, test.source, h.Source.String())
			require.Equal(t, test.destination, h.Destination.String())
		})
	}
}

func TestParseRefuses(t *testing.T) {
	for _, raw := range []string{
		"GET / HTTP/1.1\r\n",
		"proxy TCP4 192.0.2.1 198.51.100.2 1 2\r\n",
		"PROXYTCP4",
		"PROXY TCP4 192.0.2.1 198.51.100.2 1 2\n",
		"PROXY TCP4 192.0.2.1 198.51.100.2 1\r\n",
		"PROXY TCP4 192.0.2.1 198.51.100.2 1 2 3\r\n",
		"PROXY TCP4  192.0.2.1 198.51.100.2 1 2\r\n",
		"PROXY TCP4 192.0.2.1 198.51.100.2 1 2 \r\n",
		"PROXY TCP4 192.0.2.01 198.51.100.2 1 2\r\n",
		"PROXY TCP4 2001:db8::1 198.51.100.2 1 2\r\n",
		"PROXY TCP6 192.0.2.1 2001:db8::2 1 2\r\n",
		"PROXY TCP6 fe80::1%eth0 2001:db8::2 1 2\r\n",
		"PROXY TCP4 192.0.2.1 198.51.100.2 01 2\r\n",
		"PROXY TCP4 192.0.2.1 198.51.100.2 +1 2\r\n",
		"PROXY TCP4 192.0.2.1 198.51.100.2 1 65536\r\n",
		"PROXY TCP4 example.com 198.51.100.2 1 2\r\n",
		"PROXY UDP4 192.0.2.1 198.51.100.2 1 2\r\n",
		"PROXY \r\n",
		"PROXY UNKNOWN" + strings.Repeat(" ", 94), // 107 bytes without an end
		"PROXY UNKNOWN" + strings.Repeat(" ", 93) + "\r\n",
		string(signatureV2) + "\x31\x11\x00\x00",
		string(signatureV2) + "\x11",
		v2(0x22, 0x11, fourAddresses),
		v2(0x21, 0x12, fourAddresses), // a datagram on a stream
		v2(0x21, 0x41, fourAddresses),
		v2(0x21, 0x11, fourAddresses[:11]),
		v2(0x21, 0x21, fourAddresses),
		v2(0x21, 0x31, sixAddresses),
		v2(0x21, 0x11, fourAddresses+strings.Repeat("x", defaultHeaderBytes-headV2-12+1)),
		v2(0x20, 0x00, strings.Repeat("x", defaultHeaderBytes-headV2+1)),
		v2(0x21, 0x11, fourAddresses+"\x20\x00\x00"), // nothing about TLS, or too little
		v2(0x21, 0x11, fourAddresses+"\x20\x00\x04\x01\x00\x00\x00"),
		v2(0x21, 0x21, sixAddresses+tlvs+"\x20\x00\x04\x01\x00\x00\x00"),
	} {
		_, _, err := parse([]byte(raw), defaultHeaderBytes)
		require.ErrorIs(t, err, ErrHeader, "%q", raw)
	}
}

// A header that announces too much is refused before it has come.
func TestParseLimit(t *testing.T) {
	longest := v2(0x21, 0x11, fourAddresses+strings.Repeat("x", defaultHeaderBytes-headV2-12))
	_, n, err := parse([]byte(longest), defaultHeaderBytes)
	require.NoError(t, err)
	require.Equal(t, defaultHeaderBytes, n)
	announced := string(signatureV2) + "\x21\x11\xff\xff"
	_, _, err = parse([]byte(announced), defaultHeaderBytes)
	require.ErrorIs(t, err, ErrHeader)
	_, n, err = parse([]byte(announced), mostHeaderBytes)
	require.NoError(t, err)
	require.Zero(t, n)
}

func TestTLV(t *testing.T) {
	h := Header{TLVs: []byte(tlvs + "\x02\x00\x09cut")}
	value, ok := h.TLV(0x01)
	require.True(t, ok)
	require.Equal(t, "h2", string(value))
	_, ok = h.TLV(0x02)
	require.False(t, ok, "it is cut off")
	_, ok = h.TLV(0x05)
	require.False(t, ok)
}

const (
	overTLS = "\x20\x00\x0f\x01\x00\x00\x00\x01\x21\x00\x07TLSv1.3"
	inClear = "\x20\x00\x05\x00\x00\x00\x00\x01"
)

func TestParseEncrypted(t *testing.T) {
	for _, test := range []struct {
		name, raw          string
		encrypted, assumed bool // what the header says, and with AssumeTLS
	}{
		{"v1", "PROXY TCP4 192.0.2.1 198.51.100.2 12345 443\r\n", false, true},
		{"v1 UNKNOWN", "PROXY UNKNOWN\r\n", false, false},
		{"v2", v2(0x21, 0x11, fourAddresses), false, true},
		{"v2 with other TLVs", v2(0x21, 0x11, fourAddresses+tlvs), false, true},
		{"v2 over TLS", v2(0x21, 0x11, fourAddresses+overTLS), true, true},
		{"v2 over TLS, behind others", v2(0x21, 0x21, sixAddresses+tlvs+overTLS), true, true},
		{"v2 unix over TLS", v2(0x21, 0x31, path("/run/a")+path("/run/b")+overTLS), true, true},
		{"v2 in clear", v2(0x21, 0x11, fourAddresses+inClear), false, false},
		{"v2 with a certificate and not over TLS", v2(0x21, 0x11, fourAddresses+"\x20\x00\x05\xfe\x00\x00\x00\x00"), false, false},
		{"v2 of which two TLVs tell", v2(0x21, 0x11, fourAddresses+inClear+overTLS), false, false},
		{"v2 cut off", v2(0x21, 0x11, fourAddresses+overTLS[:10]), false, true},
		{"v2 LOCAL", v2(0x20, 0x11, fourAddresses+overTLS), false, false},
		{"v2 unspecified", v2(0x21, 0x00, overTLS), false, false},
	} {
		h, _, err := parse([]byte(test.raw), defaultHeaderBytes)
		require.NoError(t, err, test.name)
		require.Equal(t, test.encrypted, h.Encrypted, test.name)
		h.assumeTLS()
		require.Equal(t, test.assumed, h.Encrypted, test.name)
	}
}

// What is read byte by byte is what is read whole, and nothing is taken that
// stands behind it.
func FuzzParse(f *testing.F) {
	for _, test := range good {
		f.Add([]byte(test.raw + "GET"))
	}
	f.Add([]byte(v2(0x21, 0x11, fourAddresses+overTLS)))
	f.Fuzz(func(t *testing.T, raw []byte) {
		whole, n, err := parse(raw, defaultHeaderBytes)
		if n > len(raw) || n > defaultHeaderBytes || n > 0 && err != nil {
			t.Fatalf("%d of %d bytes, %v", n, len(raw), err)
		}
		for end := range len(raw) + 1 {
			part, m, failed := parse(raw[:end], defaultHeaderBytes)
			if m == 0 && failed == nil {
				continue
			}
			require.Equal(t, n, m)
			require.Equal(t, err == nil, failed == nil)
			require.Equal(t, whole, part)
			return
		}
		require.True(t, n == 0 && err == nil, "it is complete only as a whole")
	})
}
