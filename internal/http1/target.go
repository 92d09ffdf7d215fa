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

// parseTarget decides the form of the target and finds its parts.
func (h *Head) parseTarget(buf []byte) error {
	target := buf[h.target.start:h.target.end]
	query, ok := scanTarget(target)
	switch {
	case !ok:
		return errTarget
	case h.Method == MethodConnect:
		return h.parseAuthority(target)
	case target[0] == '/':
		h.Form = OriginForm
		h.setPath(0, len(target), query)
		return nil
	case len(target) == 1 && target[0] == '*':
		if h.Method != MethodOptions {
			return errTargetForm
		}
		h.Form = AsteriskForm
		h.path = h.target
		return nil
	}
	return h.parseAbsolute(target, query)
}

// setPath notes the path and query that stand between two places of the
// target; query is the place of the question mark, -1 without.
func (h *Head) setPath(from, to, query int) {
	at := h.target.start
	end := to
	if query >= from {
		end = query
		h.hasQuery = true
		h.query = span{at + uint32(query+1), at + uint32(to)}
	}
	h.path = span{at + uint32(from), at + uint32(end)}
}

// scanTarget checks every byte of a target and returns the place of the first
// question mark, or -1.
func scanTarget(target []byte) (query int, ok bool) {
	query = -1
	for i := 0; i < len(target); i++ {
		b := target[i]
		if classes[b]&inTarget == 0 {
			return 0, false
		}
		if b == '?' && query < 0 {
			query = i
		}
		if b == '%' {
			if i+2 >= len(target) || !isHex(target[i+1]) || !isHex(target[i+2]) ||
				target[i+1] == '0' && target[i+2] == '0' {
				return 0, false
			}
			i += 2
		}
	}
	return query, true
}

// parseAuthority reads the host:port of CONNECT, RFC 9112 section 3.2.3.
func (h *Head) parseAuthority(target []byte) error {
	_, port, _ := splitPort(target)
	if len(port) == 0 || !ValidHost(target) {
		return errTargetForm
	}
	h.Form = AuthorityForm
	h.authority = h.target
	h.path = span{h.target.end, h.target.end}
	return nil
}

// parseAbsolute reads an http or https URI, RFC 9112 section 3.2.2.
func (h *Head) parseAbsolute(target []byte, query int) error {
	from := 0
	for _, scheme := range []string{"http://", "https://"} {
		if len(target) > len(scheme) && EqualFold(target[:len(scheme)], scheme) {
			from = len(scheme)
		}
	}
	if from == 0 {
		return errTarget
	}
	end := len(target)
	if i := bytes.IndexAny(target[from:], "/?"); i >= 0 {
		end = from + i
	}
	if !ValidHost(target[from:end]) {
		return errTarget
	}
	h.Form = AbsoluteForm
	h.authority = span{h.target.start + uint32(from), h.target.start + uint32(end)}
	h.setPath(end, len(target), query)
	return nil
}
