package http1

import "bytes"

// This file reads request targets: RFC 9112 section 3.2, stricter where that
// allows a choice. No byte passes that another reader could take for the end
// of the target or for another path.

// TargetForm is one of the four forms of a request target.
type TargetForm uint8

// The forms of RFC 9112 section 3.2.
const (
	OriginForm    TargetForm = iota // /path?query
	AbsoluteForm                    // http://host/path?query
	AuthorityForm                   // host:port, for CONNECT alone
	AsteriskForm                    // *, for OPTIONS alone
)

// readTarget reads the target and the SP behind it. The end of h.target is
// how far it has come.
func (h *Head) readTarget(buf []byte, lim *Limits) error {
	start, i := int(h.target.start), int(h.target.end)
	for {
		i = targetEnd(buf, i)
		h.target.end = uint32(i)
		switch {
		case i-start > lim.TargetBytes:
			return errTargetLong
		case i == len(buf):
			return nil
		case buf[i] == ' ':
			h.stage = stageVersion
			return h.parseTarget(buf)
		case buf[i] == '?':
			if !h.hasQuery {
				h.hasQuery = true
				h.query.start = uint32(i + 1)
			}
			i++
		case buf[i] == '%':
			ok, known := checkPercent(buf[i+1:])
			if !ok {
				return errTarget
			}
			if !known {
				return nil
			}
			i += 3
		case buf[i] == '\r' || buf[i] == '\n':
			return errRequestLine
		default:
			return errTarget
		}
	}
}

// checkPercent looks at what follows a percent sign: ok while that is two
// hexadecimal digits that are not both zero, known once both have come.
func checkPercent(b []byte) (ok, known bool) {
	switch {
	case len(b) == 0:
		return true, false
	case !isHex(b[0]):
		return false, true
	case len(b) == 1:
		return true, false
	}
	return isHex(b[1]) && (b[0] != '0' || b[1] != '0'), true
}

// parseTarget decides the form of the target and finds its parts.
func (h *Head) parseTarget(buf []byte) error {
	target := buf[h.target.start:h.target.end]
	switch {
	case len(target) == 0:
		return errTarget
	case h.Method == MethodConnect:
		return h.parseAuthority(target)
	case target[0] == '/':
		h.Form = OriginForm
		h.setPath(h.target.start)
		return nil
	case len(target) == 1 && target[0] == '*':
		if h.Method != MethodOptions {
			return errTargetForm
		}
		h.Form = AsteriskForm
		h.path = h.target
		return nil
	}
	return h.parseAbsolute(target)
}

// setPath notes the path, that begins here, and the query.
func (h *Head) setPath(from uint32) {
	h.path = span{from, h.target.end}
	if h.hasQuery {
		h.path.end = h.query.start - 1
		h.query.end = h.target.end
	}
}

// parseAuthority reads the host:port of CONNECT, RFC 9112 section 3.2.3.
func (h *Head) parseAuthority(target []byte) error {
	if !ValidHost(target) || !hasPort(target) {
		return errTargetForm
	}
	h.Form = AuthorityForm
	h.authority = h.target
	h.path = span{h.target.end, h.target.end}
	return nil
}

// hasPort reports whether a valid host ends in a colon and a port.
func hasPort(host []byte) bool {
	i := bytes.LastIndexByte(host, ':')
	return i > bytes.LastIndexByte(host, ']') && i+1 < len(host)
}

// parseAbsolute reads an http or https URI, RFC 9112 section 3.2.2.
func (h *Head) parseAbsolute(target []byte) error {
	scheme, rest, _ := bytes.Cut(target, []byte("://")) // without it the host is empty
	if !EqualFold(scheme, "http") && !EqualFold(scheme, "https") {
		return errTarget
	}
	if i := bytes.IndexAny(rest, "/?"); i >= 0 {
		rest = rest[:i]
	}
	if !ValidHost(rest) {
		return errTarget
	}
	h.Form = AbsoluteForm
	h.authority.start = h.target.start + uint32(len(scheme)+len("://"))
	h.authority.end = h.authority.start + uint32(len(rest))
	h.setPath(h.authority.end)
	return nil
}
