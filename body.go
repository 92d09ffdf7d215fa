package wherry

import (
	"errors"
	"io"

	"github.com/valyala/bytebufferpool"

	"wherry.example/wherry/internal/http1"
)

// This file is the content of a request as handlers see it: a stream with one
// limit, the same for every framing. How the bytes are framed on the wire and
// awaited is the wire's business, see receive.go.

// content is the state of a request's content. Owned by the handler's
// goroutine.
type content struct {
	kind    http1.BodyKind
	length  int64 // declared, for http1.LengthBody
	limit   int64
	limited bool // a hook has called SetBodyLimit: the route's limit does not replace it
	count   int64
	ended   bool  // the end was read
	err     error // a failure stays
	read    *bodyReader
	source  io.Reader                  // in place of the wire: what ReplaceBody has put there
	whole   *bytebufferpool.ByteBuffer // by readAll
	again   *keptReader                // of whole, what Body has returned last
}

var (
	errBodyTooLarge = &Error{Status: 413, Detail: "The content is larger than this server accepts."}
	errBodyLate     = errors.New("wherry: the body is read after its handler returned")
)

// bodyReader is what Context.Body hands out. It outlives its exchange without
// harm: then it only fails.
type bodyReader struct {
	c        *Context
	lifetime uint32
	lent     bool // a writer reads from it, see WriteTo
}

func (r *bodyReader) Read(p []byte) (int, error) {
	if r.lifetime != r.c.lifetime {
		return 0, errBodyLate
	}
	return r.c.readBody(p)
}

// tooLarge reports whether the declared length alone breaks the limit.
func (b *content) tooLarge() bool {
	return b.kind == http1.LengthBody && b.length > b.limit
}

// replacedReader reads the content that stood behind another before
// ReplaceBody.
type replacedReader struct {
	c        *Context
	content  *content
	lifetime uint32
}

func (r *replacedReader) Read(p []byte) (int, error) {
	if r.lifetime != r.c.lifetime {
		return 0, errBodyLate
	}
	return r.c.readContent(r.content, p)
}

// readBody reads content within the limit.
func (c *Context) readBody(p []byte) (int, error) { return c.readContent(&c.body, p) }

// pull reads from where the content comes from.
func (c *Context) pull(b *content, p []byte) (int, error) {
	if b.source != nil {
		return b.source.Read(p)
	}
	return c.wire.readBody(p)
}

func (c *Context) readContent(b *content, p []byte) (int, error) {
	switch {
	case b.err != nil:
		return 0, b.err
	case b.count > b.limit: // the limit was lowered
		b.err = errBodyTooLarge
		return 0, b.err
	case b.ended:
		return 0, io.EOF
	case c.res.stage == stageHijacked:
		return 0, ErrHijacked
	case len(p) == 0:
		return 0, nil
	case b.tooLarge():
		b.err = errBodyTooLarge
		return 0, b.err
	}
	left := b.limit - b.count
	if int64(len(p)) > left+1 {
		p = p[:left+1] // one byte more tells a body that is too large from one that fits
	}
	n, err := c.pull(b, p)
	b.count += int64(n)
	switch {
	case b.count > b.limit:
		n, b.err = n-1, errBodyTooLarge
		return n, b.err
	case err == io.EOF:
		b.ended = true
	case err != nil:
		b.err = err
	}
	return n, err
}
