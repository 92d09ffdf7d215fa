package wherry

import (
	"errors"
	"net"
	"syscall"
	"time"

	"wherry.example/wherry/engine"
	"wherry.example/wherry/internal/http1"
)

// This file is the HTTP/1.1 wire: what an exchange holds, and how its answer
// is framed and written on a connection, RFC 9112 sections 6 and 7. receive.go
// reads content from it; when an exchange begins and what follows it stands in
// serve.go and turn.go.

const (
	readBytes  = 4 << 10  // the buffer a head is read into at first
	refill     = 16 << 10 // the buffer for chunked content, where the first has no room
	directRead = 2 << 10  // reads of counted content from here on bypass the buffer
	writeBytes = 16 << 10 // answers beyond this are written before the batch is complete
	outBytes   = 4 << 10  // the buffer answers are gathered in at first
	wideBytes  = 36 << 10 // the buffer they are gathered in when that is too small
	headRoom   = 512      // is enough for the head of most answers
)

// exchange is what a connection needs while it has bytes: buffers, the head
// in them, and the Context. It is borrowed from the server's pool when the
// connection becomes readable and given back when it parks without bytes.
// Owned by the session.
type exchange struct {
	s     *session
	app   *server // set at construction, then read-only
	c     *Context
	head  http1.Head
	chunk http1.Chunked

	in     []byte           // small, or a larger one while a head or body needs it
	r, w   int              // in[r:w] has been read and not yet used
	floor  int              // where the head in this buffer ends, 0 if it is in another
	filled bool             // the last read filled the buffer: there may be more
	out    []byte           // answers that wait to be written
	wide   *[wideBytes]byte // borrowed until out is dropped; nil without

	framing    http1.Framing
	left       int64 // of a counted body
	reading    stall // time the client has taken over the body
	writing    stall // time the client has taken over the answer
	done       bool  // the body has been read to its end
	expects    bool  // the client waits for 100 (Continue)
	begun      bool  // the final head is in out, or beyond
	keep       bool  // the connection persists after this exchange
	broken     bool  // framing is lost: nothing more can be read
	untilClose bool  // the end of the connection delimits the answer, see KeepOpen
	coding     coding
	now        time.Duration // when this batch was first looked at; 0 before
	batch      int           // exchanges since the session was called
	running    bool          // a handler has the Context
	told       bool          // the hooks know how that ended
	began      time.Time     // when the handler got it, for the hooks; unset without any

	small    [readBytes]byte
	smallOut [outBytes]byte
}

// coding is how the content of the answer is delimited.
type coding uint8

const (
	codingNone    coding = iota // no content follows
	codingLength                // Content-Length
	codingChunked               // chunks
	codingClose                 // the end of the connection
)

func newExchange(app *server) *exchange {
	x := &exchange{app: app}
	x.in, x.out = x.small[:], x.smallOut[:0]
	return x
}

// recycle makes the exchange as good as new for another connection.
func (x *exchange) recycle() {
	x.dropOut()
	x.head.Reset()
	x.in, x.r, x.w, x.floor, x.filled = x.small[:], 0, 0, 0, false
	x.s, x.batch, x.done, x.broken, x.expects = nil, 0, false, false, false
}

// dropOut forgets what is in the write buffer, and gives a wide one back.
func (x *exchange) dropOut() {
	x.out = x.smallOut[:0]
	if x.wide != nil {
		x.app.wide.Put(x.wide)
		x.wide = nil
	}
}

// widen makes room for n more bytes in the write buffer if a wide one will do.
func (x *exchange) widen(n int) {
	if cap(x.out)-len(x.out) < n {
		x.takeWide()
	}
}

func (x *exchange) takeWide() {
	if x.wide != nil || len(x.out) > writeBytes {
		return
	}
	x.wide = x.app.wide.Get().(*[wideBytes]byte)
	x.out = append(x.wide[:0], x.out...)
}

// clock returns the time for an answer. One look at the clock serves a batch
// of pipelined requests.
func (x *exchange) clock() time.Duration {
	if x.batch <= 1 || x.now == 0 {
		x.now = x.s.clock()
	}
	return x.now
}

// context returns the Context of the next exchange.
func (x *exchange) context() *Context {
	if x.c == nil || x.c.finished != "" {
		x.c = &Context{app: x.app, match: x.app.hosts.newMatch()}
		x.c.res.length = -1
	}
	return x.c
}

// unread returns what has been read from the connection and not been used.
func (x *exchange) unread() []byte { return x.in[x.r:x.w] }

// room makes space behind the unread bytes: it moves them to the front, or
// takes a larger buffer. No view into the buffer may be alive.
func (x *exchange) room() {
	if x.r == x.w {
		x.r, x.w = 0, 0
		if len(x.in) > readBytes {
			x.in = x.small[:]
		}
		return
	}
	if x.w < len(x.in) {
		return
	}
	to := x.in
	if x.w-x.r > len(x.in)/2 {
		to = make([]byte, 2*len(x.in))
	}
	x.w = copy(to, x.unread())
	x.r, x.in = 0, to
}

// flush writes the answers that wait.
func (x *exchange) flush() error {
	if len(x.out) == 0 {
		return nil
	}
	err := x.s.write(x.out)
	x.dropOut()
	return x.lose(err)
}

// lose has the answer remember that it was our own connection that has failed.
func (x *exchange) lose(err error) error {
	if err != nil && x.running {
		x.c.res.lost = err
	}
	return err
}

// relieve writes the answers that wait if they have become many.
func (x *exchange) relieve() error {
	if len(x.out) >= writeBytes {
		return x.flush()
	}
	return nil
}

func (x *exchange) peer() *Conn { return &x.s.info }

func (x *exchange) watch(gone func()) func() {
	if w, ok := x.s.conn.(engine.Watcher); ok {
		return w.Watch(gone)
	}
	return nil
}

func (x *exchange) yielder() engine.Yielder { return x.s.yielder }

// begin appends the head of the answer.
func (x *exchange) begin(c *Context, length int64) error {
	r := &c.res
	if x.expects && !x.done || x.app.live.draining.Load() {
		x.keep = false
	}
	x.coding = codingLength
	switch {
	case r.bodiless:
		x.coding = codingNone
	case length < 0 && (x.head.Minor == 0 || x.untilClose):
		x.coding, x.keep = codingClose, false
	case length < 0:
		x.coding = codingChunked
	}
	x.widen(headRoom)
	var b []byte
	if r.headers.mayHave(HeaderDate) && r.headers.Has(HeaderDate) {
		b = http1.AppendStatusLine(x.out, r.status)
	} else {
		b = x.app.date.begin(x.out, r.status, x.clock())
	}
	for i := range r.headers.lines {
		l := &r.headers.lines[i]
		switch {
		case l.line != "":
			b = append(b, l.line...)
		case owned(l):
			b = x.heed(b, l)
		default:
			b = http1.AppendField(b, l.name, l.value)
		}
	}
	b = x.appendFraming(b, c, length)
	x.out = append(b, '\r', '\n')
	x.begun = true
	return nil
}

// owned reports whether a field is the framework's to write.
func owned(l *headerLine) bool {
	switch len(l.name) {
	case len(HeaderConnection):
		return equalFold(l.name, HeaderConnection)
	case len(HeaderContentLength):
		return equalFold(l.name, HeaderContentLength)
	case len(HeaderTransferEncoding):
		return equalFold(l.name, HeaderTransferEncoding)
	}
	return false
}

// heed does what the handler wants with a field that is not its own: to close,
// or to offer an upgrade, RFC 9110 section 7.8.
func (x *exchange) heed(b []byte, l *headerLine) []byte {
	if !equalFold(l.name, HeaderConnection) {
		return b
	}
	if hasMember(l.value, "close") {
		x.keep = false
	}
	if hasMember(l.value, "upgrade") {
		b = append(b, "Connection: upgrade\r\n"...)
	}
	return b
}

// appendFraming appends the fields that delimit the content and say whether
// the connection persists.
func (x *exchange) appendFraming(b []byte, c *Context, length int64) []byte {
	status := c.res.status
	switch {
	case status == 204 || status < 200:
	case length >= 0:
		b = http1.AppendContentLength(b, length)
	case status == 304 || x.head.Minor == 0 || x.untilClose:
	default: // also for HEAD: the fields of GET
		b = append(b, "Transfer-Encoding: chunked\r\n"...)
		b = appendAnnouncement(b, &c.res)
	}
	switch {
	case !x.keep:
		b = append(b, "Connection: close\r\n"...)
	case x.head.Minor == 0:
		b = append(b, "Connection: keep-alive\r\n"...)
	}
	return b
}

// appendAnnouncement appends the names of the trailer fields, RFC 9110 section
// 6.6.2, unless the handler has done so.
func appendAnnouncement(b []byte, r *response) []byte {
	if len(r.trailers.lines) == 0 || r.headers.Has(HeaderTrailer) {
		return b
	}
	b = append(b, "Trailer: "...)
	for i, l := range r.trailers.lines {
		if i > 0 {
			b = append(b, ", "...)
		}
		b = append(b, l.name...)
	}
	return append(b, "\r\n"...)
}

func (x *exchange) send(p []byte) error {
	if x.coding == codingChunked {
		x.out = http1.AppendChunkHeader(x.out, len(p))
	}
	if len(p) < writeBytes {
		x.widen(len(p))
		x.out = append(x.out, p...)
	} else {
		if err := x.flush(); err != nil {
			return err
		}
		if err := x.lose(x.s.write(p)); err != nil {
			return err
		}
	}
	if x.coding == codingChunked {
		x.out = append(x.out, '\r', '\n')
	}
	return x.relieve()
}

func (x *exchange) sendString(p string) error {
	if x.coding == codingChunked {
		x.out = http1.AppendChunkHeader(x.out, len(p))
	}
	for x.widen(len(p)); len(p) > cap(x.out)-len(x.out); {
		n := cap(x.out) - len(x.out)
		x.out = append(x.out, p[:n]...)
		p = p[n:]
		if err := x.flush(); err != nil {
			return err
		}
		x.widen(len(p))
	}
	x.out = append(x.out, p...)
	if x.coding == codingChunked {
		x.out = append(x.out, '\r', '\n')
	}
	return x.relieve()
}

// sendFile is send for content of a file, see fileWire.
func (x *exchange) sendFile(f engine.File, n int64) (int64, error) {
	if x.coding == codingChunked {
		return 0, errors.ErrUnsupported
	}
	if err := x.flush(); err != nil {
		return 0, err
	}
	sent, err := x.s.sendFile(f, n)
	if isTimeout(err) || errors.Is(err, net.ErrClosed) || errors.Is(err, syscall.EPIPE) || errors.Is(err, syscall.ECONNRESET) {
		_ = x.lose(err) // other failures may be those of the file
	}
	return sent, err
}

func (x *exchange) end(c *Context) error {
	if x.coding != codingChunked {
		return nil
	}
	x.out = append(x.out, http1.LastChunk...)
	for _, l := range c.res.trailers.lines {
		x.out = http1.AppendField(x.out, l.name, l.value)
	}
	x.out = append(x.out, '\r', '\n')
	return nil
}

func (x *exchange) interim(status int, fields *Headers) error {
	if x.head.Minor == 0 {
		return nil
	}
	x.out = http1.AppendStatusLine(x.out, status)
	for _, l := range fields.lines {
		if !owned(&l) {
			x.out = http1.AppendField(x.out, l.name, l.value)
		}
	}
	x.out = append(x.out, '\r', '\n')
	return x.flush()
}

// cut ends the exchange without a complete answer. Where only the end of the
// connection delimits the content, a reset must tell the client. A connection
// that was given away is its owner's to end.
func (x *exchange) cut() {
	if x.s.phase == phaseHijacked {
		return
	}
	x.keep, x.broken = false, true
	if x.begun && x.coding == codingClose {
		reset(x.s.conn)
	}
	x.s.phase = phaseCut
}

// hijack gives the connection away. Answers that still wait go first.
func (x *exchange) hijack() (net.Conn, []byte, error) {
	if x.begun {
		return nil, nil, errors.New("wherry: hijack after the head of the answer")
	}
	if err := x.flush(); err != nil {
		return nil, nil, err
	}
	ahead := append([]byte(nil), x.unread()...)
	return x.giveAway(), ahead, nil
}

// giveAway makes the connection somebody else's.
func (x *exchange) giveAway() net.Conn {
	x.r = x.w
	x.s.phase = phaseHijacked
	_ = x.s.conn.SetDeadline(time.Time{})
	return x.s.away()
}
