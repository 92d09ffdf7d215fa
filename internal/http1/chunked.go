package http1

// This file reads chunked bodies: RFC 9112 section 7.1. Framing bytes are
// read one by one through a state machine, so that a body may be cut anywhere;
// content is handed out in runs. Trailers are read by trailer.go. Blanks in a
// size line, which the RFC calls bad, are refused.

// ChunkedLimits bounds what is in a chunked body beside its content.
type ChunkedLimits struct {
	ExtensionBytes int // of all chunk extensions of the body
	TrailerBytes   int // of the trailer section, the empty line included, which alone always passes
	TrailerLines   int
}

// chunkState is what the next byte is.
type chunkState uint8

const (
	chunkSizeFirst chunkState = iota
	chunkSize
	chunkExtName // first byte of an extension's name
	chunkExtNameMore
	chunkExtValue // first byte of its value
	chunkExtToken
	chunkExtQuoted
	chunkExtEscaped
	chunkExtEnd // behind a quoted value
	chunkSizeLF
	chunkData
	chunkDataCR
	chunkDataLF
	chunkTrailer
	chunkDone
)

// Chunked decodes one chunked body. Reset makes it ready.
type Chunked struct {
	state     chunkState
	left      int64 // content bytes of the current chunk that are still to come
	digits    int   // of the chunk size
	extension int   // bytes of extensions so far
	err       error // what has ended the body before its time; it stays
	limits    ChunkedLimits
	trailer   []byte // the trailer section as it was sent
	fields    fieldReader
}

// Reset makes the decoder ready for another body.
func (d *Chunked) Reset(limits ChunkedLimits) {
	*d = Chunked{limits: limits, trailer: d.trailer[:0], fields: fieldReader{lines: d.fields.lines[:0]}}
}

// Next reads from the front of src. It returns the next run of content, which
// is a part of src, and how many bytes of src it has used. No content and no
// error mean that src is used up, or the body is Done; what is behind the body
// is left in src. The error is an *Error, and every later call returns it; the
// body has no end then.
func (d *Chunked) Next(src []byte) (data []byte, used int, err error) {
	for used < len(src) && d.err == nil && d.state != chunkDone {
		switch d.state {
		case chunkData:
			n := int(min(int64(len(src)-used), d.left))
			d.Skip(int64(n))
			return src[used : used+n], used + n, nil
		case chunkTrailer:
			n := 0
			n, d.err = d.readTrailer(src[used:])
			used += n
		default:
			d.err = d.readFrame(src[used])
			used++
		}
	}
	return nil, used, d.err
}

// Done reports whether the last chunk and the trailer section have been read.
func (d *Chunked) Done() bool { return d.state == chunkDone }

// Remaining returns how many content bytes of the current chunk are to come.
// It is 0 where no content can come next, as within a size.
func (d *Chunked) Remaining() int64 {
	if d.state != chunkData {
		return 0
	}
	return d.left
}

// Skip notes that n content bytes, at most Remaining, were read elsewhere.
func (d *Chunked) Skip(n int64) {
	if d.left -= n; d.left == 0 && d.state == chunkData {
		d.state = chunkDataCR
	}
}

// maxSizeDigits bounds leading zeros; what is more than an int64 does not pass
// either.
const maxSizeDigits = 16

// readSize reads chunk-size = 1*HEXDIG and what ends it.
func (d *Chunked) readSize(b byte) error {
	switch {
	case isHex(b):
		if d.digits++; d.digits > maxSizeDigits || d.left > (1<<63-1)>>4 {
			return errChunkSizeLong
		}
		d.left = d.left<<4 | int64(unhex(b))
		d.state = chunkSize
	case d.state == chunkSizeFirst:
		return errChunkSize
	case b == ';':
		d.state = chunkExtName
	case b == '\r':
		d.state = chunkSizeLF
	default:
		return errChunkSize
	}
	return nil
}

// readFrame reads a byte that is neither content nor trailer.
func (d *Chunked) readFrame(b byte) error {
	switch d.state {
	case chunkSizeFirst, chunkSize:
		return d.readSize(b)
	case chunkSizeLF:
		if b != '\n' {
			return errChunkSize
		}
		d.digits = 0
		d.state = chunkData
		if d.left == 0 {
			d.state = chunkTrailer
		}
	case chunkDataCR:
		if b != '\r' {
			return errChunkEnd
		}
		d.state = chunkDataLF
	case chunkDataLF:
		if b != '\n' {
			return errChunkEnd
		}
		d.state = chunkSizeFirst
	default:
		return d.readExtension(b)
	}
	return nil
}

// readExtension reads chunk-ext = *( ";" name [ "=" ( token / quoted-string ) ] ),
// which means nothing to us but must not hide anything.
func (d *Chunked) readExtension(b byte) error {
	if d.extension++; d.extension > d.limits.ExtensionBytes {
		return errChunkExtensions
	}
	token := classes[b]&inToken != 0
	switch d.state {
	case chunkExtQuoted:
		switch {
		case b == '\\':
			d.state = chunkExtEscaped
		case b == '"':
			d.state = chunkExtEnd
		case isControl(b):
			return errChunkExtension
		}
	case chunkExtEscaped:
		if isControl(b) {
			return errChunkExtension
		}
		d.state = chunkExtQuoted
	case chunkExtName:
		if !token {
			return errChunkExtension
		}
		d.state = chunkExtNameMore
	case chunkExtValue:
		switch {
		case b == '"':
			d.state = chunkExtQuoted
		case token:
			d.state = chunkExtToken
		default:
			return errChunkExtension
		}
	default:
		return d.readExtensionEnd(b, token)
	}
	return nil
}

// readExtensionEnd reads a byte where a name or value may end.
func (d *Chunked) readExtensionEnd(b byte, token bool) error {
	switch {
	case token && d.state != chunkExtEnd:
	case b == '=' && d.state == chunkExtNameMore:
		d.state = chunkExtValue
	case b == ';':
		d.state = chunkExtName
	case b == '\r':
		d.state = chunkSizeLF
	default:
		return errChunkExtension
	}
	return nil
}
