package wherry

import (
	"errors"
	"io"
	"sync"

	"github.com/valyala/bytebufferpool"

	"wherry.example/wherry/internal/http1"
)

// This file reads content whole and keeps it for the rest of the exchange:
// whoever asks for it afterwards, as bytes or as a stream, gets it again.

const (
	// usualBytes is the largest buffer that content of any size may get. A
	// pool in which small content is given the buffer of a large one would
	// never let go of it.
	usualBytes = 1 << 20
	// largeBytes is the largest buffer that is used again at all.
	largeBytes = 32 << 20
)

// largeBuffers are for content that needs more than usualBytes. Nothing else
// takes one, so they are gone two collections after the last such content.
var largeBuffers sync.Pool // of *bytebufferpool.ByteBuffer

var errBodyGone = errors.New("wherry: content was read by Body or Multipart before, and is gone: read it with BodyBytes, which keeps it, or put it back with ReplaceBody")

// kept reports whether the whole content is there to be read again.
func (b *content) kept() bool { return b.whole != nil && b.ended && b.count <= b.limit }

// keptReader reads content that is kept. It outlives its exchange without
// harm: then it only fails.
type keptReader struct {
	c        *Context
	lifetime uint32
	rest     []byte
	met      bool // its end was read
}

// reread returns a reader of kept content from the beginning.
func (c *Context) reread() *keptReader {
	return &keptReader{c: c, lifetime: c.lifetime, rest: c.body.whole.B}
}

func (r *keptReader) Read(p []byte) (int, error) {
	switch {
	case r.lifetime != r.c.lifetime:
		return 0, errBodyLate
	case len(r.rest) == 0 && len(p) > 0:
		r.met = true
		return 0, io.EOF
	}
	n := copy(p, r.rest)
	r.rest = r.rest[n:]
	return n, nil
}

// unread reports whether the content is still there as a whole, in buffers or
// on the wire.
func (b *content) unread() error {
	switch {
	case b.err != nil:
		return b.err
	case b.whole == nil && b.count > 0:
		return errBodyGone
	case b.ended && b.count > b.limit: // the limit was lowered
		return errBodyTooLarge
	}
	return nil
}

// readAll reads the content into a pooled buffer that lives as long as the
// exchange.
func (c *Context) readAll() ([]byte, error) {
	b := &c.body
	if err := b.unread(); err != nil {
		return nil, err
	}
	if b.whole == nil {
		b.whole = bytebufferpool.Get()
		if b.kind == http1.LengthBody && b.length <= 64<<10 && int64(cap(b.whole.B)) < b.length+1 {
			b.whole.B = make([]byte, 0, b.length+1)
		}
	}
	for !b.kept() && b.err == nil {
		if len(b.whole.B) == cap(b.whole.B) {
			b.widen()
		}
		n, _ := c.readBody(b.whole.B[len(b.whole.B):cap(b.whole.B)])
		b.whole.B = b.whole.B[:len(b.whole.B)+n]
	}
	if b.err != nil {
		return nil, b.err
	}
	return b.whole.B, nil
}

// widen makes room behind what has come: as much again, or all that is
// declared once a quarter of it is there. A client that only declares gets
// nothing.
func (b *content) widen() {
	have := b.whole
	size := max(2*cap(have.B), smallPiece)
	if declared := b.length + 1; b.kind == http1.LengthBody && declared <= int64(2*size) {
		size = int(declared)
	}
	if cap(have.B) <= usualBytes && size > usualBytes {
		if large, ok := largeBuffers.Get().(*bytebufferpool.ByteBuffer); ok {
			large.B = append(large.B[:0], have.B...)
			b.whole = large
			giveBack(have)
			return
		}
	}
	have.B = append(make([]byte, 0, size), have.B...)
}

// release gives the buffer of readAll back.
func (b *content) release() {
	switch {
	case b.whole == nil:
		return
	case cap(b.whole.B) <= usualBytes:
		giveBack(b.whole)
	case cap(b.whole.B) <= largeBytes:
		largeBuffers.Put(b.whole)
	}
	b.whole = nil
}
