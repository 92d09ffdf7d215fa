package http1

// This file reads chunked bodies: RFC 9112 section 7.1. Framing bytes are
// read one by one through a state machine, so that a body may be cut anywhere;
// content is handed out in runs. Trailers are read by trailer.go.

// ChunkedLimits bounds what is in a chunked body beside its content.
type ChunkedLimits struct {
	ExtensionBytes int // of all chunk extensions of the body
	TrailerBytes   int
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
	digits    int
	extension int // bytes of extensions so far
	limits    ChunkedLimits
	trailer   []byte // the trailer section as it was sent
	line      int    // where its current line begins
	fields    []fieldLine
}

// Reset makes the decoder ready for another body.
func (d *Chunked) Reset(limits ChunkedLimits) {
	*d = Chunked{limits: limits, trailer: d.trailer[:0], fields: d.fields[:0]}
}

// Next reads from the front of src. It returns the next run of content, which
// is a part of src, and how many bytes of src it has used. No content and no
// error mean that src is used up, or the body is Done. The error is an
// *Error; the body has no end then.
func (d *Chunked) Next(src []byte) (data []byte, used int, err error) {
	for used < len(src) {
		switch d.state {
		case chunkDone:
			return nil, used, nil
		case chunkData:
			n := min(int64(len(src)-used), d.left)
			data = src[used : used+int(n)]
			d.Skip(n)
			return data, used + int(n), nil
		case chunkTrailer:
			err = d.readTrailer(src[used])
		case chunkSizeFirst, chunkSize:
			err = d.readSize(src[used])
		default:
			err = d.readFrame(src[used])
		}
		used++
		if err != nil {
			return nil, used, err
		}
	}
	return nil, used, nil
}

// Done reports whether the last chunk and the trailer section have been read.
func (d *Chunked) Done() bool { return d.state == chunkDone }

// Remaining returns how many content bytes of the current chunk are to come.
func (d *Chunked) Remaining() int64 { return d.left }

// Skip notes that n content bytes, at most Remaining, were read elsewhere.
func (d *Chunked) Skip(n int64) {
	if d.left -= n; d.left == 0 && d.state == chunkData {
		d.state = chunkDataCR
	}
}

// maxSizeDigits keeps a size within an int64.
const maxSizeDigits = 15

// readSize reads chunk-size = 1*HEXDIG and what ends it.
func (d *Chunked) readSize(b byte) error {
	switch {
	case isHex(b):
		if d.digits++; d.digits > maxSizeDigits {
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

// readFrame reads a byte that is neither size, content nor trailer.
func (d *Chunked) readFrame(b byte) error {
	switch d.state {
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
		case b < ' ' && b != '\t' || b == 0x7f:
			return errChunkExtension
		}
	case chunkExtEscaped:
		if b < ' ' && b != '\t' || b == 0x7f {
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
