package wherry

import (
	"errors"
	"io"

	"wherry.example/wherry/internal/http1"
)

// This file reads the content of requests off the HTTP/1.1 wire, RFC 9112
// sections 6 and 7.1. How patient it is stands in stall.go.

func (x *exchange) trailers() Fields {
	if x.framing.Kind != http1.ChunkedBody {
		return Fields{}
	}
	return Fields{trailerLines{&x.chunk}}
}

// trailerLines shows the trailer section of a body as a list of fields.
type trailerLines struct{ d *http1.Chunked }

func (t trailerLines) Len() int           { return t.d.TrailerLen() }
func (t trailerLines) Name(i int) []byte  { return t.d.TrailerName(i) }
func (t trailerLines) Value(i int) []byte { return t.d.TrailerValue(i) }

// readBody reads decoded content into p.
func (x *exchange) readBody(p []byte) (int, error) {
	if x.done {
		return 0, io.EOF
	}
	if x.broken {
		return 0, errBodyBroken
	}
	if x.expects {
		if err := x.invite(); err != nil {
			return 0, x.lost(err)
		}
	}
	if x.framing.Kind == http1.ChunkedBody {
		return x.readChunked(p)
	}
	return x.readCounted(p)
}

var errBodyBroken = &Error{Status: 400, Detail: "The content ended too early."}

// invite answers Expect: 100-continue, RFC 9110 section 10.1.1: once, and
// never after the final head.
func (x *exchange) invite() error {
	x.expects = false
	if x.begun {
		return nil
	}
	x.out = append(x.out, "HTTP/1.1 100 Continue\r\n\r\n"...)
	return x.flush()
}

// lost notes that no further byte of this connection has a known meaning,
// and says so to the reader of the body.
func (x *exchange) lost(err error) error {
	x.broken, x.keep = true, false
	var refusal *http1.Error
	switch {
	case errors.As(err, &refusal):
		return &Error{Status: refusal.Status, Err: refusal}
	case isTimeout(err):
		return &Error{Status: 408, Detail: "The content came too slowly.", Err: err}
	}
	return &Error{Status: 400, Detail: errBodyBroken.Detail, Err: errors.Join(ErrClientGone, err)}
}

func (x *exchange) readCounted(p []byte) (n int, err error) {
	if int64(len(p)) > x.left {
		p = p[:x.left]
	}
	if x.r == x.w && len(p) >= directRead {
		n, err = x.s.await(p)
	} else {
		if x.r == x.w {
			err = x.more()
		}
		n = copy(p, x.unread())
		x.r += n
	}
	x.left -= int64(n)
	if x.left == 0 {
		x.done = true
		return n, io.EOF
	}
	if err != nil {
		err = x.lost(err)
	}
	return n, err
}

func (x *exchange) readChunked(p []byte) (int, error) {
	for {
		if x.r == x.w && len(p) >= directRead && x.chunk.Remaining() >= directRead {
			return x.readChunk(p)
		}
		// No more than p can hold, so that nothing decoded is left over.
		b := x.unread()
		data, used, err := x.chunk.Next(b[:min(len(b), len(p))])
		x.r += used
		if err != nil {
			return 0, x.lost(err)
		}
		n := copy(p, data)
		x.done = x.chunk.Done()
		switch {
		case x.done:
			return n, io.EOF
		case n > 0:
			return n, nil
		case x.r < x.w:
			continue
		}
		if err := x.more(); err != nil {
			return 0, x.lost(err)
		}
	}
}

// readChunk reads content of an open chunk straight into p.
func (x *exchange) readChunk(p []byte) (int, error) {
	n, err := x.s.await(p[:min(int64(len(p)), x.chunk.Remaining())])
	x.chunk.Skip(int64(n))
	if n > 0 {
		return n, nil
	}
	return 0, x.lost(err)
}

// more reads into the buffer behind the head, which stays where it is, and
// waits for it. All that was read before has been used.
func (x *exchange) more() error {
	if len(x.in)-x.floor < directRead {
		x.in, x.floor = make([]byte, refill), 0
	}
	x.r, x.w = x.floor, x.floor
	n, err := x.s.await(x.in[x.w:])
	x.w += n
	if n > 0 {
		return nil
	}
	return err
}
