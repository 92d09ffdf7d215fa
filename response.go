package wherry

import (
	"cmp"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/valyala/bytebufferpool"

	"wherry.example/wherry/internal/http1"
)

// This file decides when the head of an answer leaves and how long its
// content will be: RFC 9110 section 6.4 and 8.6. A whole answer (Text, JSON,
// Bytes) is held until the outermost middleware has returned, so anybody on
// the way out may still change fields or replace it. A streamed answer is
// held while it fits the probe; if it ends within, its length is known too.
// How content is framed on the wire is the wire's business, see exchange.go.

const (
	// probeBytes is how much of a stream is held to learn whether it ends.
	probeBytes = 8 << 10
	// gatherBytes is how much of a stream is gathered before it is sent.
	gatherBytes = 16 << 10
	// holdBytes is how large a whole answer is held; a larger one is sent at
	// once and not copied.
	holdBytes = 64 << 10
)

// ErrContentLength is returned when a handler writes more than the
// Content-Length that it declared; writing less ends the exchange with it.
var ErrContentLength = errors.New("wherry: content does not have the declared Content-Length")

type stage uint8

const (
	stageOpen     stage = iota // nothing has been sent, all may change
	stageStream                // the head is out, content follows
	stageEnded                 // the answer is complete
	stageHijacked              // the connection is somebody else's
)

// response is the state of an answer. Owned by the handler's goroutine.
type response struct {
	stage    stage
	bodiless bool // HEAD, 204, 304: content is counted, not sent
	status   int  // 0 until set, then the one to send
	preset   int  // the one to send if none is set; 0 for 200
	headers  Headers
	trailers Headers
	text     string                     // a whole answer as a string, or
	held     *bytebufferpool.ByteBuffer // content that waits; nil if none
	length   int64                      // declared or known at the head, -1 unknown
	sent     int64                      // content bytes given to the wire
	err      error                      // the wire failed, or a rule was broken
	lost     error                      // what the connection has failed with
}

// fail notes a mistake of the handler; the answer becomes a 500.
func (r *response) fail(format string, args ...any) {
	if r.err == nil {
		r.err = fmt.Errorf(format, args...)
	}
}

// restart drops the answer that has been prepared but not sent, so that an
// error can be answered in its place, with that status unless another one is
// set. Fields that speak of the content go;
// others, such as those of CORS or a request id, stay, and so does the
// Content-Range of a 416 that tells only the size that there is (RFC 9110
// section 15.5.17).
func (r *response) restart(status int) {
	r.drop()
	for _, name := range contentFields {
		if name != HeaderContentRange || status != 416 || !strings.Contains(r.headers.Get(name), "*/") {
			r.headers.Del(name)
		}
	}
	r.trailers.reset()
	r.headers.err, r.err, r.status, r.preset = nil, nil, 0, status
}

// contentFields describe the content of an answer.
var contentFields = [...]string{
	HeaderAcceptRanges, HeaderCacheControl, HeaderContentDisposition, HeaderContentEncoding, HeaderContentLanguage,
	HeaderContentLength, HeaderContentRange, HeaderContentType, HeaderETag, "Expires", HeaderLastModified, HeaderTrailer,
}

// reset forgets everything but the room.
func (r *response) reset() {
	r.drop()
	r.headers.reset()
	if len(r.trailers.lines) > 0 || r.trailers.err != nil {
		r.trailers.reset()
	}
	r.stage, r.bodiless, r.status, r.length, r.sent, r.err = stageOpen, false, 0, -1, 0, nil
	r.preset, r.lost = 0, nil
}

// drop forgets the content that waits.
func (r *response) drop() {
	r.text = ""
	if r.held != nil {
		r.dropHeld()
	}
}

func (r *response) dropHeld() {
	giveBack(r.held)
	r.held = nil
}

// giveBack puts a buffer back. The pool learns sizes from what it is given, so
// it is shown the room that was needed, not what is left in it.
func giveBack(b *bytebufferpool.ByteBuffer) {
	b.B = b.B[:cap(b.B)]
	bytebufferpool.Put(b)
}

func (r *response) waiting() int {
	if r.held != nil {
		return len(r.held.B)
	}
	return len(r.text)
}

// hold appends to the content that waits.
func (r *response) hold(p []byte) {
	if r.held == nil {
		r.held = bytebufferpool.Get()
		r.held.B = append(r.held.B, r.text...)
		r.text = ""
	}
	r.held.B = append(r.held.B, p...)
}

// replace begins a whole answer, in place of what waits.
func (c *Context) replace(status int) error {
	c.here()
	switch c.res.stage {
	case stageOpen:
	case stageHijacked:
		return ErrHijacked
	default:
		return errors.New("wherry: the answer has already begun")
	}
	c.res.drop()
	c.res.status = status
	if status == 0 { // it would be taken for none
		c.res.fail(notFinal, 0)
		return c.res.err
	}
	return nil
}

// Write streams content. The first bytes are held: if the handler returns
// before 8 KiB have been written the answer gets a Content-Length, else it is
// sent as a stream while it is written, as fast as the client reads.
func (c *Context) Write(p []byte) (int, error) {
	c.here()
	r := &c.res
	if err := c.writable(len(p)); err != nil {
		return 0, err
	}
	if r.stage == stageOpen {
		if r.waiting()+len(p) <= probeBytes {
			r.hold(p)
			return len(p), nil
		}
		if err := c.commit(-1); err != nil {
			return 0, err
		}
	}
	if len(p) >= gatherBytes {
		return len(p), c.forward(p)
	}
	r.hold(p)
	if len(r.held.B) >= gatherBytes {
		return len(p), c.sendWaiting()
	}
	return len(p), nil
}

// WriteString is Write of a string.
func (c *Context) WriteString(s string) (int, error) {
	c.here()
	if c.res.stage == stageOpen && c.res.held == nil && c.res.text == "" && len(s) <= probeBytes && c.res.err == nil {
		c.res.text = s
		return len(s), nil
	}
	return c.Write([]byte(s))
}

// writable reports why n more bytes cannot be written.
func (c *Context) writable(n int) error {
	r := &c.res
	switch {
	case r.err != nil:
		return r.err
	case r.stage == stageHijacked:
		return ErrHijacked
	case r.stage == stageEnded:
		return errors.New("wherry: the answer is complete")
	case r.stage == stageStream && r.length >= 0 && r.sent+int64(r.waiting()+n) > r.length:
		r.err = ErrContentLength
		return r.err
	}
	return nil
}

// Flush sends what has been written so far, and the head before it. It
// returns when the connection has taken it: backpressure is the client's.
func (c *Context) Flush() error {
	c.here()
	if err := c.writable(0); err != nil {
		return err
	}
	if c.res.stage == stageOpen {
		if err := c.commit(-1); err != nil {
			return err
		}
	}
	if err := c.sendWaiting(); err != nil {
		return err
	}
	return c.sending(c.wire.flush())
}

// Prepared returns the content of a whole answer that was given and has not
// left yet, for middleware that must see it; whole is false for answers that
// have left, wholly or in part. The content is valid until the next method
// that answers, and must not be changed.
func (c *Context) Prepared() (content []byte, whole bool) {
	c.here()
	r := &c.res
	if r.stage != stageOpen || r.err != nil || r.headers.err != nil {
		return nil, false
	}
	if r.held == nil {
		r.hold(nil)
	}
	return r.held.B, true
}

// Committed reports whether the head of the answer has left: then the status
// and the fields can no longer change.
func (c *Context) Committed() bool { c.here(); return c.res.stage != stageOpen }

// sending notes a failure of the wire.
func (c *Context) sending(err error) error {
	if err != nil && c.res.err == nil {
		c.res.err = err
	}
	return err
}

const notFinal = "wherry: %d is no status of a final answer; those are 200 to 999"

// commit sends the head. The length is that of the content, -1 when it is not
// known; a length that the handler declared with Content-Length counts then,
// unless there are trailers, which only chunked content can have.
func (c *Context) commit(length int64) error {
	r := &c.res
	if r.headers.err != nil {
		r.err = r.headers.err
		return r.err
	}
	if r.status == 0 {
		r.status = cmp.Or(r.preset, 200)
	}
	if r.status < 200 || r.status > 999 {
		r.err = fmt.Errorf(notFinal, r.status)
		return r.err
	}
	declared := int64(-1)
	if r.headers.mayHave(HeaderContentLength) {
		var err error
		if declared, err = c.declared(length); err != nil {
			r.err = err
			return err
		}
	}
	switch {
	case c.trailing():
		length = -1
	case declared >= 0:
		length = declared
	}
	if r.status == 205 { // RFC 9110 section 15.3.6: no content, and says so
		r.drop()
		length = 0
	}
	r.stage, r.length, r.bodiless = stageStream, length, c.contentless()
	if r.status == 304 && declared < 0 {
		r.length = -1
	}
	return c.sending(c.wire.begin(c, r.length))
}

// declared returns the Content-Length that the handler has promised, -1 without.
// It must not contradict the length, -1 when that is not known, nor what waits.
func (c *Context) declared(length int64) (int64, error) {
	declared, err := declaredLength(&c.res.headers)
	switch {
	case err != nil || declared < 0:
		return -1, err
	case length >= 0 && declared != length && !c.contentless():
		return -1, ErrContentLength
	case length < 0 && int64(c.res.waiting()) > declared:
		return -1, ErrContentLength
	}
	return declared, nil
}

// trailing reports whether trailers follow the content, which must be chunked
// then.
func (c *Context) trailing() bool { return len(c.res.trailers.lines) > 0 && c.head.Minor > 0 }

// contentless reports whether the answer cannot have content, RFC 9110
// section 6.4.1.
func (c *Context) contentless() bool {
	return c.res.status == 204 || c.res.status == 304 || c.isHead()
}

func (c *Context) isHead() bool { return c.head.Method == http1.MethodHead }

// forward sends the content that waits, and then p.
func (c *Context) forward(p []byte) error {
	r := &c.res
	r.sent += int64(len(p))
	err := c.sendWaiting()
	if err != nil || r.bodiless || len(p) == 0 {
		return err
	}
	return c.sending(c.wire.send(p))
}

// sendWaiting sends the content that waits.
func (c *Context) sendWaiting() (err error) {
	r := &c.res
	n, held := r.waiting(), r.held
	r.sent += int64(n)
	switch {
	case r.bodiless || n == 0:
		r.drop()
		return nil
	case held != nil:
		err = c.wire.send(held.B)
		held.B = held.B[:0]
	default:
		err = c.wire.sendString(r.text)
		r.text = ""
	}
	return c.sending(err)
}

// finish completes the answer once the handler and all middleware have
// returned.
func (c *Context) finish() error {
	r := &c.res
	if r.stage == stageHijacked || r.stage == stageEnded {
		return nil
	}
	if r.err != nil {
		return r.err
	}
	if r.stage == stageOpen {
		if err := c.commit(int64(r.waiting())); err != nil {
			return err
		}
	}
	if err := c.sendWaiting(); err != nil {
		return err
	}
	if r.length >= 0 && r.sent != r.length && !r.bodiless {
		r.err = ErrContentLength
		return r.err
	}
	r.stage = stageEnded
	return c.sending(c.wire.end(c))
}

// replied reports whether an answer has been given, sent or not.
func (c *Context) replied() bool {
	r := &c.res
	return r.stage != stageOpen || r.status != 0 || r.waiting() > 0 || r.err != nil
}

// result describes the exchange for AfterResponse hooks.
func (c *Context) result(err error, began time.Time) Result {
	r := &c.res
	result := Result{Status: r.status, Err: err, Duration: time.Since(began)}
	if r.stage == stageHijacked {
		result.Status = 0
	}
	if err == nil {
		result.Err = r.err
	}
	if !r.bodiless {
		result.Bytes = r.sent
	}
	return result
}

// declaredLength returns the Content-Length among the fields, -1 without.
func declaredLength(h *Headers) (int64, error) {
	if !h.Has(HeaderContentLength) {
		return -1, nil
	}
	value := h.Get(HeaderContentLength)
	n := int64(0)
	for _, b := range []byte(value) {
		if b < '0' || b > '9' || n > (1<<62)/10 {
			return -1, fmt.Errorf("wherry: Content-Length %q is no length", value)
		}
		n = n*10 + int64(b-'0')
	}
	if value == "" || len(h.Values(HeaderContentLength)) > 1 {
		return -1, errors.New("wherry: Content-Length is empty or repeated")
	}
	return n, nil
}
