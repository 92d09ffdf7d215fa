package proxyproto

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"
)

// This file reads headers: bytes in, a Header out, no I/O. The format is that
// of the PROXY protocol specification, sections 2.1 and 2.2. Whatever it does
// not know it refuses, for a header that is read differently by two parties
// is an address that can be forged.

// Header is what a peer has said before the first byte of the connection.
type Header struct {
	// Version is 1 or 2.
	Version int
	// Source is the address of the client, Destination the one it connected
	// to: *net.TCPAddr or *net.UnixAddr. Both are nil when the peer speaks
	// for itself, as in health checks: LOCAL in version 2, UNKNOWN in 1.
	Source, Destination net.Addr
	// Encrypted: the client has come to the peer over TLS, which ended there.
	// Of version 2 the TLV of type 0x20 tells that (section 2.2.6); where
	// there is none it is [Options.AssumeTLS]. A peer that speaks for itself
	// is not encrypted by that.
	Encrypted bool
	// TLVs is the rest of a header of version 2, as it came.
	TLVs []byte
}

// TLV returns the first value of a type among the TLVs, section 2.2. It stops
// at one that is cut off.
func (h Header) TLV(kind byte) (value []byte, ok bool) {
	for rest := h.TLVs; len(rest) >= 3; {
		n := int(binary.BigEndian.Uint16(rest[1:]))
		if len(rest) < 3+n {
			return nil, false
		}
		if rest[0] == kind {
			return rest[3 : 3+n], true
		}
		rest = rest[3+n:]
	}
	return nil, false
}

// ErrHeader: a connection that must begin with a header begins otherwise. It
// is the cause of the disconnection.
var ErrHeader = errors.New("proxyproto: bad header")

func bad(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrHeader, fmt.Sprintf(format, args...))
}

const (
	maxV1  = 107 // section 2.1, with the line end
	headV2 = 16  // signature, command, family, length
)

var (
	prefixV1    = []byte("PROXY ")
	signatureV2 = []byte("\r\n\r\n\x00\r\nQUIT\n")
)

// parse reads a header from the front of b and returns how many bytes it has;
// 0 and no error ask for more.
func parse(b []byte, limit int) (h Header, n int, err error) {
	switch {
	case len(b) == 0:
		return h, 0, nil
	case bytes.HasPrefix(signatureV2, b[:min(len(b), len(signatureV2))]):
		return parseV2(b, limit)
	case bytes.HasPrefix(prefixV1, b[:min(len(b), len(prefixV1))]):
		return parseV1(b)
	}
	return h, 0, bad("it begins with %q", b[:min(len(b), len(signatureV2))])
}

// PROXY SP ("TCP4" / "TCP6") SP source SP destination SP port SP port CRLF, or
// PROXY SP UNKNOWN and anything CRLF.
func parseV1(b []byte) (h Header, n int, err error) {
	end := bytes.IndexByte(b[:min(len(b), maxV1)], '\n')
	if end < 0 {
		if len(b) >= maxV1 {
			return h, 0, bad("the line of version 1 is longer than %d bytes", maxV1)
		}
		return h, 0, nil
	}
	line, found := strings.CutSuffix(string(b[:end]), "\r")
	if !found {
		return h, 0, bad("the line of version 1 does not end with CR LF")
	}
	h.Version = 1
	words := strings.Split(line, " ")
	if words[1] == "UNKNOWN" { // the rest is to be ignored
		return h, end + 1, nil
	}
	if len(words) != 6 || words[1] != "TCP4" && words[1] != "TCP6" {
		return h, 0, bad("line %q", line)
	}
	source, ok1 := parseAddress(words[2], words[4], words[1] == "TCP4")
	destination, ok2 := parseAddress(words[3], words[5], words[1] == "TCP4")
	if !ok1 || !ok2 {
		return h, 0, bad("line %q", line)
	}
	h.Source, h.Destination = source, destination
	return h, end + 1, nil
}

func parseAddress(ip, port string, four bool) (*net.TCPAddr, bool) {
	addr, err := netip.ParseAddr(ip)
	if err != nil || addr.Is4() != four || addr.Zone() != "" {
		return nil, false
	}
	number, err := strconv.ParseUint(port, 10, 16)
	if err != nil || strconv.FormatUint(number, 10) != port { // no sign, no leading zero
		return nil, false
	}
	return tcpAddr(addr, uint16(number)), true
}

func tcpAddr(addr netip.Addr, port uint16) *net.TCPAddr {
	return net.TCPAddrFromAddrPort(netip.AddrPortFrom(addr.Unmap(), port))
}

// Families of version 2, address family and transport together.
const (
	familyUnspecified = 0x00
	familyTCP4        = 0x11
	familyTCP6        = 0x21
	familyUnix        = 0x31
)

func parseV2(b []byte, limit int) (h Header, n int, err error) {
	if len(b) < headV2 {
		if len(b) > len(signatureV2) && b[12]>>4 != 2 {
			return h, 0, bad("version %d", b[12]>>4)
		}
		return h, 0, nil
	}
	command, family := b[12], b[13]
	n = headV2 + int(binary.BigEndian.Uint16(b[14:]))
	switch {
	case command != 0x20 && command != 0x21:
		return h, 0, bad("version and command %#02x", command)
	case n > limit:
		return h, 0, bad("%d bytes are more than the limit of %d", n, limit)
	case len(b) < n:
		return h, 0, nil
	}
	h.Version = 2
	content := b[headV2:n]
	if command == 0x20 || family == familyUnspecified { // LOCAL: addresses are to be ignored
		return h, n, nil
	}
	if err := h.readAddresses(family, content); err != nil {
		return Header{}, 0, err
	}
	return h, n, nil
}

// readAddresses reads both addresses and keeps what stands behind them.
func (h *Header) readAddresses(family byte, content []byte) error {
	size := map[byte]int{familyTCP4: 12, familyTCP6: 36, familyUnix: 216}[family]
	if size == 0 {
		return bad("address family and protocol %#02x", family)
	}
	if len(content) < size {
		return bad("%d bytes are too few for addresses of family %#02x", len(content), family)
	}
	h.TLVs = bytes.Clone(content[size:])
	if err := h.readTLS(); err != nil {
		return err
	}
	if family == familyUnix {
		h.Source, h.Destination = unixAddr(content[:108]), unixAddr(content[108:216])
		return nil
	}
	ip := (size - 4) / 2
	source, _ := netip.AddrFromSlice(content[:ip])
	destination, _ := netip.AddrFromSlice(content[ip : 2*ip])
	h.Source = tcpAddr(source, binary.BigEndian.Uint16(content[2*ip:]))
	h.Destination = tcpAddr(destination, binary.BigEndian.Uint16(content[2*ip+2:]))
	return nil
}

// The TLV about the TLS of the client, section 2.2.6:
//
//	client (1 byte of flags), verify (4 bytes), TLVs of its own
const (
	typeTLS   = 0x20
	leastTLS  = 5
	clientTLS = 0x01 // the flag that there was TLS
)

// readTLS reads whether the client has come over TLS.
func (h *Header) readTLS() error {
	value, told := h.TLV(typeTLS)
	if told && len(value) < leastTLS {
		return bad("%d bytes are too few for a TLV of type %#02x", len(value), typeTLS)
	}
	h.Encrypted = told && value[0]&clientTLS != 0
	return nil
}

// assumeTLS takes the client for one that has come over TLS, unless the header
// tells.
func (h *Header) assumeTLS() {
	if _, told := h.TLV(typeTLS); !told && h.Source != nil {
		h.Encrypted = true
	}
}

// unixAddr reads a path, which ends at its first NUL.
func unixAddr(b []byte) *net.UnixAddr {
	path, _, _ := bytes.Cut(b, []byte{0})
	return &net.UnixAddr{Name: string(path), Net: "unix"}
}
