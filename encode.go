package wherry

import (
	"errors"
	"io"
	"iter"
	"net"

	"github.com/valyala/bytebufferpool"

	"wherry.example/wherry/engine"
)

// This file lets middleware put a content coding (RFC 9110 section 8.4)
// between a handler and the wire. It is a wire around the wire of the
// exchange, so an answer whose middleware asks for nothing passes no line of
// it, and the handler's promises about length are kept against what the
// handler writes.

// ContentEncoder codes the content of one answer. What it makes of it goes to
// the writer it was made for. It is used on the goroutine of the handler.
type ContentEncoder interface {
	// Write codes content; p is not kept.
	io.Writer
	// Flush writes out everything that was given to Write, so that the
	// client can decode it.
	Flush() error
	// Close writes out the rest and the end. It is called exactly once, also
	// for an answer that was cut short, where its result goes nowhere; the
	// encoder is not used afterwards and may be given to another answer.
	Close() error
}

// EncodeContent lets choose decide, when the head of the final answer is about
// to leave, whether its content is coded. The status and the fields are then
// final but for what choose changes; length is that of the content, -1 if it
// is not known. choose returns nil to leave the content as it is, else a
// function that makes the encoder for the given writer; then it must have set
// Content-Encoding and have mended every field that speaks of the content as
// it was. The framework frames what the encoder writes: with a Content-Length
// if it ends while it can be held, else as a stream. A Flush of the answer
// flushes the encoder.
//
// choose runs once, on the goroutine of the handler, and once more where it has
// kept [Context.KeepOpen] from working. It runs for HEAD as for GET, so that
// their fields are the same; for answers that cannot have content, 204 and 304,
// what it returns is not used. Answers to errors pass it as well, those of the
// protocol do not: they never reach a handler. If EncodeContent is called
// again, the later call is nearer to the handler.
//
// It has no effect once the head has left, or after [Context.Hijack].
func (c *Context) EncodeContent(choose func(c *Context, length int64) func(dst io.Writer) ContentEncoder) {
	c.here()
	if c.res.stage == stageOpen {
		c.wire = &encodedWire{wire: c.wire, c: c, choose: choose}
	}
}

// encodedWire codes content on its way to another wire. Its methods are
// written out, so a new one of wire cannot pass by the encoder unseen.
type encodedWire struct {
	wire    wire
	c       *Context
	choose  func(c *Context, length int64) func(dst io.Writer) ContentEncoder
	start   func(dst io.Writer) ContentEncoder // what choose has returned
	chosen  bool                               // it has been asked
	encoder ContentEncoder                     // nil: content passes as it is
	waiting *bytebufferpool.ByteBuffer         // coded content, nil without an encoder
	room    int                                // how much of it is held before the head leaves
	sent    int64                              // coded content, that which waits included
	begun   bool                               // the head has gone to the inner wire
	cutOff  bool                               // what the encoder still writes goes nowhere
	length  int64                              // of coded content that is only measured, for HEAD
	measure bool
}

// encoders yields the wires around the innermost one, the nearest to the
// handler first.
func encoders(w wire) iter.Seq[*encodedWire] {
	return func(yield func(*encodedWire) bool) {
		e, around := w.(*encodedWire)
		for around && yield(e) {
			e, around = e.wire.(*encodedWire)
		}
	}
}

// innermostWire returns the wire inside of all encoders.
func innermostWire(w wire) wire {
	for e := range encoders(w) {
		w = e.wire
	}
	return w
}

// forgetChoices has the choices of encoders made anew.
func forgetChoices(w wire) {
	for e := range encoders(w) {
		e.chosen, e.start = false, nil
	}
}

// codes makes the choice and reports whether content will be coded.
func (w *encodedWire) codes(c *Context, length int64) bool {
	if !w.chosen {
		w.chosen = true
		w.start = w.choose(c, length)
	}
	return w.start != nil
}

// begin sends the head. That of a coded answer waits for its length.
func (w *encodedWire) begin(c *Context, length int64) error {
	r := &c.res
	w.codes(c, length)
	start := w.start
	if r.headers.err != nil {
		return r.headers.err
	}
	if start == nil || r.bodiless && !c.isHead() {
		w.begun = true
		return w.wire.begin(c, length)
	}
	if r.bodiless {
		return w.beginHead(start, length)
	}
	w.room = gatherBytes
	if length >= 0 && length <= holdBytes {
		w.room = holdBytes + gatherBytes // whole: an encoder may make it a little larger
	}
	w.waiting = bytebufferpool.Get()
	w.encoder = start(w)
	return nil
}

// beginHead sends the head of an answer to HEAD. If a whole answer is there it
// is coded to learn its length; otherwise the length stays unknown.
func (w *encodedWire) beginHead(start func(io.Writer) ContentEncoder, length int64) error {
	w.begun = true
	r := &w.c.res
	if length < 0 || length != int64(r.waiting()) {
		return w.wire.begin(w.c, -1)
	}
	w.measure = true
	encoder := start(w)
	var err error
	if r.held != nil {
		_, err = encoder.Write(r.held.B)
	} else {
		err = encodeString(encoder, r.text)
	}
	if failed := encoder.Close(); err == nil {
		err = failed
	}
	if err != nil {
		return err
	}
	return w.wire.begin(w.c, w.length)
}

// Write takes coded content from the encoder.
func (w *encodedWire) Write(p []byte) (int, error) {
	switch {
	case w.cutOff:
		return len(p), nil
	case w.measure:
		w.length += int64(len(p))
		return len(p), nil
	}
	w.waiting.B = append(w.waiting.B, p...)
	w.sent += int64(len(p))
	if len(w.waiting.B) < w.room {
		return len(p), nil
	}
	if err := w.pass(-1); err != nil {
		return 0, err
	}
	return len(p), nil
}

// pass gives the inner wire the head, if it has not left, and what waits.
func (w *encodedWire) pass(length int64) error {
	if !w.begun {
		w.begun = true
		w.room = gatherBytes
		if err := w.wire.begin(w.c, length); err != nil {
			return err
		}
	}
	if len(w.waiting.B) == 0 {
		return nil
	}
	err := w.wire.send(w.waiting.B)
	w.waiting.B = w.waiting.B[:0]
	return err
}

func (w *encodedWire) send(p []byte) error {
	if w.encoder == nil {
		return w.wire.send(p)
	}
	_, err := w.encoder.Write(p)
	return err
}

func (w *encodedWire) sendString(s string) error {
	if w.encoder == nil {
		return w.wire.sendString(s)
	}
	return encodeString(w.encoder, s)
}

// sendFile lets a file pass that is not coded.
func (w *encodedWire) sendFile(f engine.File, n int64) (int64, error) {
	inner, ok := w.wire.(fileWire)
	if w.encoder != nil || !ok {
		return 0, errors.ErrUnsupported
	}
	return inner.sendFile(f, n)
}

// encodeString gives a string to an encoder, without garbage.
func encodeString(e ContentEncoder, s string) error {
	b := bytebufferpool.Get()
	defer giveBack(b)
	b.B = append(b.B, s...)
	_, err := e.Write(b.B)
	return err
}

func (w *encodedWire) flush() error {
	if w.encoder != nil {
		if err := w.encoder.Flush(); err != nil {
			return err
		}
		if err := w.pass(-1); err != nil {
			return err
		}
	}
	return w.wire.flush()
}

func (w *encodedWire) end(c *Context) error {
	if w.encoder != nil {
		if err := w.finish(); err != nil {
			return err
		}
	}
	return w.wire.end(c)
}

// finish ends the coded content. If its head still waits the length is known.
func (w *encodedWire) finish() error {
	encoder := w.encoder
	w.encoder = nil
	defer w.release()
	if err := encoder.Close(); err != nil {
		return err
	}
	length := int64(len(w.waiting.B))
	if w.c.trailing() {
		length = -1
	}
	return w.pass(length)
}

// cut ends the answer before its end, and the encoder with it.
func (w *encodedWire) cut() {
	if encoder := w.encoder; encoder != nil {
		w.encoder, w.cutOff = nil, true
		w.c.app.guarded("Close of an encoder", func() { _ = encoder.Close() })
		w.release()
	}
	w.wire.cut()
}

// release gives the buffer back, and tells hooks of the content as it was
// sent.
func (w *encodedWire) release() {
	w.c.res.sent = w.sent - int64(len(w.waiting.B))
	giveBack(w.waiting)
	w.waiting = nil
}

func (w *encodedWire) readBody(p []byte) (int, error) { return w.wire.readBody(p) }
func (w *encodedWire) trailers() Fields               { return w.wire.trailers() }
func (w *encodedWire) interim(status int, fields *Headers) error {
	return w.wire.interim(status, fields)
}
func (w *encodedWire) hijack() (net.Conn, []byte, error) { return w.wire.hijack() }
func (w *encodedWire) watch(gone func()) func()          { return w.wire.watch(gone) }
func (w *encodedWire) peer() *Conn                       { return w.wire.peer() }
func (w *encodedWire) yielder() engine.Yielder           { return w.wire.yielder() }
