package http1

import "bytes"

// This file is the grammar that more than one part needs: tokens, field
// values, hosts, percent-encoding, lists. RFC 9110 section 5.6, RFC 3986.

// class tells what a byte may be part of.
type class uint8

const (
	inToken  class = 1 << iota // tchar, RFC 9110 section 5.6.2
	inTarget                   // a byte of a target, but '%' and '?'
	inHost                     // reg-name without percent-encoding, RFC 3986 section 3.2.2
	inHex
)

var classes = buildClasses()

func buildClasses() (t [256]class) {
	alnum := "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
	mark := func(c class, set string) {
		for i := 0; i < len(set); i++ {
			t[set[i]] |= c
		}
	}
	mark(inToken, alnum+"!#$%&'*+-.^_`|~")
	mark(inHost, alnum+"-._~!$&'()*+,;=")
	mark(inHex, "0123456789abcdefABCDEF")
	for b := '!'; b <= '~'; b++ {
		if b != '#' && b != '\\' && b != '%' && b != '?' {
			t[b] |= inTarget
		}
	}
	return t
}

// text is what a grammar is asked about.
type text interface{ []byte | string }

// IsToken reports whether s is a token: not empty, and only tchar.
func IsToken[T text](s T) bool { return len(s) > 0 && nameEnd(s, 0) == len(s) }

// IsFieldValue reports whether s can stand in a field line: no CR, LF, NUL or
// other control byte but HTAB. Bytes from 0x80 on (obs-text) pass.
func IsFieldValue[T text](s T) bool { return valueEnd(s, 0) == len(s) }

// isControl reports whether b is a control byte that no field value has.
func isControl(b byte) bool { return b < ' ' && b != '\t' || b == 0x7f }

func isBlank(b byte) bool { return b == ' ' || b == '\t' }

// EqualFold reports whether a and b are equal but for the case of ASCII
// letters.
func EqualFold(a []byte, b string) bool {
	if len(a) != len(b) {
		return false
	}
	if string(a) == b {
		return true
	}
	for i := 0; i < len(a); i++ {
		if x, y := a[i], b[i]; x != y {
			if x |= 0x20; x != y|0x20 || x < 'a' || x > 'z' {
				return false
			}
		}
	}
	return true
}

func isHex(b byte) bool { return classes[b]&inHex != 0 }

// unhex returns the value of a hexadecimal digit.
func unhex(b byte) byte {
	switch {
	case b <= '9':
		return b - '0'
	case b <= 'F':
		return b - 'A' + 10
	}
	return b - 'a' + 10
}

// unescape returns the byte that two hexadecimal digits stand for.
func unescape(digits []byte) byte { return unhex(digits[0])<<4 | unhex(digits[1]) }

// Unescape appends src to dst with percent-encoding decoded once. It reports
// false, and returns what it has, at a malformed one.
func Unescape(dst, src []byte) ([]byte, bool) {
	for i := 0; i < len(src); i++ {
		b := src[i]
		if b == '%' {
			if i+2 >= len(src) || !isHex(src[i+1]) || !isHex(src[i+2]) {
				return dst, false
			}
			b = unescape(src[i+1:])
			i += 2
		}
		dst = append(dst, b)
	}
	return dst, true
}

// HasListMember reports whether a comma-separated list has this member, in
// any case, white space around members ignored.
func HasListMember(list []byte, member string) bool {
	for len(list) > 0 {
		var one []byte
		one, list = cutList(list)
		if EqualFold(one, member) {
			return true
		}
	}
	return false
}

// cutList takes the first member off a comma-separated list.
func cutList(list []byte) (member, rest []byte) {
	member, rest, _ = bytes.Cut(list, []byte{','})
	return trim(member), rest
}

// trim removes SP and HTAB from both ends.
func trim(b []byte) []byte {
	for len(b) > 0 && isBlank(b[0]) {
		b = b[1:]
	}
	for len(b) > 0 && isBlank(b[len(b)-1]) {
		b = b[:len(b)-1]
	}
	return b
}

// ValidHost reports whether b is uri-host [ ":" port ], RFC 9110 section
// 7.2: a name, an IPv4 address or a bracketed IP literal, not empty, without
// userinfo; the port is decimal and at most 65535, or empty.
func ValidHost(b []byte) bool {
	if len(b) > 0 && b[0] == '[' {
		end := bytes.IndexByte(b, ']')
		return end > 1 && validLiteral(b[1:end]) && validPort(b[end+1:])
	}
	i := 0
	for ; i < len(b) && b[i] != ':'; i++ {
		if classes[b[i]]&inHost != 0 {
			continue
		}
		if b[i] != '%' || i+2 >= len(b) || !isHex(b[i+1]) || !isHex(b[i+2]) {
			return false
		}
		if code := unescape(b[i+1:]); code < ' ' || code == 0x7f {
			return false
		}
		i += 2
	}
	return i > 0 && validPort(b[i:])
}

// validPort reports whether b is nothing, or a colon and a number of at most
// 65535, which may be missing.
func validPort(b []byte) bool {
	if len(b) > 0 && b[0] != ':' {
		return false
	}
	n := 0
	for i := 1; i < len(b); i++ {
		d := b[i] - '0'
		if n = n*10 + int(d); d > 9 || n > 65535 {
			return false
		}
	}
	return true
}

// validLiteral reports whether b, which is not empty, is what may stand in
// brackets: an IPv6 address, with at most one "::", or an IPvFuture.
func validLiteral(b []byte) bool {
	if b[0] == 'v' || b[0] == 'V' {
		return validFuture(b[1:])
	}
	return validIPv6(b)
}

func validFuture(b []byte) bool {
	version, address, _ := bytes.Cut(b, []byte{'.'})
	if len(version) == 0 || len(address) == 0 {
		return false
	}
	for _, c := range version {
		if !isHex(c) {
			return false
		}
	}
	for _, c := range address {
		if classes[c]&inHost == 0 && c != ':' {
			return false
		}
	}
	return true
}

func validIPv6(b []byte) bool {
	groups, compressed := 0, false
	for i := 0; i < len(b); {
		if b[i] == ':' {
			if i+1 >= len(b) || b[i+1] != ':' || compressed {
				return false
			}
			compressed = true
			i += 2
			continue
		}
		n := i
		for n < len(b) && isHex(b[n]) {
			n++
		}
		if n < len(b) && b[n] == '.' {
			return validIPv4(b[i:]) && (groups == 6 && !compressed || groups < 6 && compressed)
		}
		if n-i > 4 {
			return false
		}
		groups++
		if i = n; i == len(b) {
			break
		}
		if b[i] != ':' || i+1 == len(b) {
			return false
		}
		if b[i+1] != ':' {
			i++
		}
	}
	return groups == 8 && !compressed || groups < 8 && compressed
}

// validIPv4 reports whether b is four decimal octets without leading zeros.
func validIPv4(b []byte) bool {
	parts := 0
	for len(b) > 0 {
		var part []byte
		var more bool
		part, b, more = bytes.Cut(b, []byte{'.'})
		n := 0
		for _, d := range part {
			d -= '0'
			if n = n*10 + int(d); d > 9 || n > 255 {
				return false
			}
		}
		if len(part) == 0 || len(part) > 1 && part[0] == '0' || more && len(b) == 0 {
			return false
		}
		parts++
	}
	return parts == 4
}
