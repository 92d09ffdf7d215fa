package http1

import "bytes"

// This file decides where a request ends: RFC 9112 section 6.3, and nothing
// else. Every "ought to be handled as an error" is one here, because a proxy
// in front may have read the other length. A new rule needs a conversation in
// testdata/conformance/framing.txt that fails without it.

// BodyKind is how the body of a request is delimited.
type BodyKind uint8

// The ways a request may be framed. Its end is never the connection's.
const (
	NoBody      BodyKind = iota // the request ends with its head
	LengthBody                  // Content-Length
	ChunkedBody                 // Transfer-Encoding: chunked
)

// Framing is where a request ends.
type Framing struct {
	Kind   BodyKind
	Length int64 // of a LengthBody
}

// Framing decides it for a head that Parse has completed. The error is an
// *Error: 501 for a transfer coding that this server does not know, else 400.
func (h *Head) Framing() (Framing, error) {
	switch {
	case h.codings > 0 && h.lengths > 0:
		return Framing{}, errLengthAndCoding
	case h.codings > 0 && h.Minor == 0:
		return Framing{}, errCodingVersion
	case h.codings > 0:
		return Framing{Kind: ChunkedBody}, h.checkCoding()
	case h.lengths > 1:
		return Framing{}, errLengthRepeated
	case h.lengths == 0:
		return Framing{}, nil
	}
	n, ok := parseLength(h.bytes(h.length))
	if !ok {
		return Framing{}, errLength
	}
	return Framing{Kind: LengthBody, Length: n}, nil
}

// checkCoding refuses everything but exactly one "chunked".
func (h *Head) checkCoding() error {
	value := h.bytes(h.coding)
	if h.codings == 1 && EqualFold(value, "chunked") {
		return nil
	}
	for i := h.Find("Transfer-Encoding", 0); i >= 0; i = h.Find("Transfer-Encoding", i+1) {
		if hasUnknownCoding(h.Value(i)) {
			return errCodingUnknown
		}
	}
	return errCoding
}

// hasUnknownCoding reports whether a list names a coding other than chunked.
func hasUnknownCoding(list []byte) bool {
	for len(list) > 0 {
		var member []byte
		member, list = cutList(list)
		name, _, _ := bytes.Cut(member, []byte{';'}) // from its parameters
		if name = trim(name); IsToken(name) && !EqualFold(name, "chunked") {
			return true
		}
	}
	return false
}

// parseLength reads 1*DIGIT that fits an int64.
func parseLength(b []byte) (n int64, ok bool) {
	if len(b) == 0 {
		return 0, false
	}
	for _, d := range b {
		d -= '0'
		if d > 9 || n > (1<<63-1-int64(d))/10 {
			return 0, false
		}
		n = n*10 + int64(d)
	}
	return n, true
}
