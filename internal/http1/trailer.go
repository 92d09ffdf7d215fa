package http1

import "bytes"

// This file reads trailer sections: RFC 9110 section 6.5. Their fields are
// kept apart from the header section, and those that would change how the
// message is framed, routed, authenticated or understood are refused.

// readTrailer reads from the trailer section in src and returns how much of
// src it has used: no more than to the end of a line, because behind the last
// one another message may begin.
func (d *Chunked) readTrailer(src []byte) (used int, err error) {
	limit := max(d.limits.TrailerBytes, len("\r\n"))
	src = src[:min(len(src), limit-len(d.trailer))]
	if i := bytes.IndexByte(src, '\n'); i >= 0 {
		src = src[:i+1]
	}
	d.trailer = append(d.trailer, src...)
	done, err := d.fields.read(d.trailer, d.limits.TrailerLines)
	switch {
	case err != nil:
		return len(src), err
	case !done && len(d.trailer) == limit:
		return len(src), errTrailerLong
	case !done:
		return len(src), nil
	}
	for i := range d.TrailerLen() {
		if ForbiddenTrailer(d.TrailerName(i)) {
			return len(src), errTrailerForbidden
		}
	}
	d.state = chunkDone
	return len(src), nil
}

// TrailerLen returns the number of trailer field lines.
func (d *Chunked) TrailerLen() int { return len(d.fields.lines) }

// TrailerName returns the name of trailer line i, valid until Reset.
func (d *Chunked) TrailerName(i int) []byte {
	return d.trailer[d.fields.lines[i].name.start:d.fields.lines[i].name.end]
}

// TrailerValue returns the value of trailer line i, valid until Reset.
func (d *Chunked) TrailerValue(i int) []byte {
	return d.trailer[d.fields.lines[i].value.start:d.fields.lines[i].value.end]
}

// forbiddenTrailers are the fields of RFC 9110 section 6.5.1 by kind.
var forbiddenTrailers = map[string]bool{
	// framing
	"content-length": true, "transfer-encoding": true, "trailer": true, "te": true,
	// routing and connection
	"host": true, "connection": true, "keep-alive": true, "proxy-connection": true, "upgrade": true,
	// request modifiers
	"cache-control": true, "expect": true, "max-forwards": true, "pragma": true, "range": true,
	"if-match": true, "if-none-match": true, "if-modified-since": true, "if-unmodified-since": true, "if-range": true,
	// authentication
	"authorization": true, "proxy-authorization": true, "proxy-authenticate": true, "www-authenticate": true,
	"cookie": true, "set-cookie": true,
	// response control
	"age": true, "date": true, "expires": true, "location": true, "retry-after": true, "vary": true, "warning": true,
	// how content is understood
	"content-encoding": true, "content-type": true, "content-range": true,
	"content-language": true, "content-location": true, "content-disposition": true,
}

// ForbiddenTrailer reports whether a field cannot be a trailer.
func ForbiddenTrailer[T text](name T) bool {
	var lower [24]byte
	if len(name) > len(lower) {
		return false
	}
	for i := 0; i < len(name); i++ {
		b := name[i]
		if 'A' <= b && b <= 'Z' {
			b |= 0x20
		}
		lower[i] = b
	}
	return forbiddenTrailers[string(lower[:len(name)])]
}
