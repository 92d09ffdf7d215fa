package http1

// This file reads trailer sections: RFC 9110 section 6.5. Their fields are
// kept apart from the header section, and those that would change how the
// message is framed, routed, authenticated or understood are refused.

// readTrailer reads one byte of the trailer section.
func (d *Chunked) readTrailer(b byte) error {
	if len(d.trailer) >= d.limits.TrailerBytes {
		return errTrailerLong
	}
	d.trailer = append(d.trailer, b)
	if b != '\n' {
		return nil
	}
	end := len(d.trailer) - 2
	if end < d.line || d.trailer[end] != '\r' {
		return errBareLF
	}
	if end == d.line {
		d.state = chunkDone
		return nil
	}
	err := d.parseTrailerLine(d.trailer[d.line:end])
	d.line = end + 2
	return err
}

func (d *Chunked) parseTrailerLine(line []byte) error {
	if len(d.fields) >= d.limits.TrailerLines {
		return errFieldLines
	}
	c := tokenLength(line)
	if c == len(line) || line[c] != ':' || c == 0 {
		return refuseName(line, c)
	}
	if ForbiddenTrailer(line[:c]) {
		return errTrailerForbidden
	}
	v, e := c+1, len(line)
	for v < e && (line[v] == ' ' || line[v] == '\t') {
		v++
	}
	for e > v && (line[e-1] == ' ' || line[e-1] == '\t') {
		e--
	}
	if !isClean(line[v:e]) {
		return errFieldValue
	}
	start := uint32(d.line)
	d.fields = append(d.fields, fieldLine{
		name:  span{start, start + uint32(c)},
		value: span{start + uint32(v), start + uint32(e)},
	})
	return nil
}

// TrailerLen returns the number of trailer field lines.
func (d *Chunked) TrailerLen() int { return len(d.fields) }

// TrailerName returns the name of trailer line i, valid until Reset.
func (d *Chunked) TrailerName(i int) []byte {
	return d.trailer[d.fields[i].name.start:d.fields[i].name.end]
}

// TrailerValue returns the value of trailer line i, valid until Reset.
func (d *Chunked) TrailerValue(i int) []byte {
	return d.trailer[d.fields[i].value.start:d.fields[i].value.end]
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
