package wherry

import (
	"bytes"
	"context"
	"io"
	"io/fs"
	"net"
	"strings"
	"time"

	"wherry.example/wherry/internal/http1"
)

// Context is one exchange: a request and the answer to it. It belongs to the
// goroutine that runs the handler and is valid until the handler returns;
// only what [Context.Context] returns may be kept longer. Every string it
// hands out is owned by whoever asked; every []byte and io.Reader is borrowed
// until the handler returns.
//
// In tests and under the race detector the use of a Context after its handler
// has returned panics and names the route.
type Context struct {
	app      *server
	wire     wire
	head     *http1.Head
	match    match
	route    *route // nil before routing, and when none matches
	method   string // in place of the head's, if not ""
	path     []byte // raw path to route by
	res      response
	body     content
	ctx      context.Context // nil until asked for
	cancel   context.CancelCauseFunc
	unwatch  func()
	deadline time.Time // of ctx, once that is there; zero without
	late     error     // the cause when it has passed
	unbound  func()    // ends the deadline; nil without
	values   []keyed
	lifetime uint32 // counts the exchanges this Context has been used for
	finished string // set only in tests: what a late user is told
}

// begins makes the Context that of a new exchange.
func (c *Context) begins(w wire, head *http1.Head, framing http1.Framing) {
	c.wire, c.head = w, head
	c.path = head.Path()
	if head.Form == http1.AuthorityForm { // CONNECT is routed as the root
		c.path = rootPath
	}
	c.body = content{limit: c.app.limits.Body, length: framing.Length, kind: framing.Kind}
}

var rootPath = []byte("/")

// ends forgets the exchange. In tests the Context is never used again.
func (c *Context) ends() {
	if c.ctx != nil {
		if c.unwatch != nil {
			c.unwatch()
		}
		c.cancel(context.Canceled)
		c.ctx, c.cancel, c.unwatch = nil, nil, nil
	}
	if !c.deadline.IsZero() {
		if c.unbound != nil {
			c.unbound()
		}
		c.deadline, c.late, c.unbound = time.Time{}, nil, nil
	}
	if len(c.values) > 0 {
		clear(c.values)
		c.values = c.values[:0]
	}
	c.res.reset()
	c.lifetime++
	if poison {
		c.finished = c.method + " " + c.patternOrPath()
	}
	c.method, c.route = "", nil
	c.body.release()
	c.body.read, c.body.source = nil, nil
}

func (c *Context) patternOrPath() string {
	if c.route != nil {
		return c.route.pattern
	}
	return string(c.path)
}

// here panics when the Context is used after its exchange (only in tests).
func (c *Context) here() {
	if c.finished != "" {
		panic("wherry: the Context of " + c.finished + " is used after its handler returned; copy what you need, or keep c.Context()")
	}
}

// Method returns the method, as "GET". HEAD stays HEAD when a GET route
// serves it.
func (c *Context) Method() string {
	c.here()
	if c.method == "" {
		if c.method = c.head.Method.String(); c.method == "" {
			c.method = string(c.head.MethodBytes())
		}
	}
	return c.method
}

// SetMethod replaces the method, in a BeforeRouting hook.
func (c *Context) SetMethod(method string) { c.here(); c.method = method }

// Target returns the request target exactly as it was sent.
func (c *Context) Target() string { c.here(); return string(c.head.RawTarget()) }

// RawPath returns the path as it was sent or set, percent-encoded.
func (c *Context) RawPath() string { c.here(); return string(c.path) }

// Path returns the path percent-decoded once. A slash in it may stand for an
// encoded one: routes and [Context.Param] know the difference, this does not.
func (c *Context) Path() string {
	c.here()
	return unescaped(c.path)
}

// SetPath replaces the raw, percent-encoded path, in a BeforeRouting hook.
// It must begin with a slash and be validly encoded, else nothing changes and
// the request will be answered 500.
func (c *Context) SetPath(path string) {
	c.here()
	if _, ok := http1.Unescape(nil, []byte(path)); !ok || !strings.HasPrefix(path, "/") {
		c.res.fail("wherry: SetPath(%q): a path begins with a slash and is percent-encoded", path)
		return
	}
	c.path = []byte(path)
}

// Pattern returns the pattern of the route that was chosen, as it was
// registered with all prefixes, or "". Middleware may call it.
func (c *Context) Pattern() string {
	c.here()
	if c.route == nil {
		return ""
	}
	return c.route.pattern
}

// Param returns what the wildcard of that name stands for, percent-decoded
// once: "id" for `:id`, "*" for the first anonymous segment, "*2" for the
// second, "**" for the rest. It is "" when the pattern has no such wildcard.
// See [FilePath] before a rest reaches a file system.
func (c *Context) Param(name string) string {
	c.here()
	if c.route == nil {
		return ""
	}
	i := c.route.index(name)
	if i < 0 {
		return ""
	}
	return unescaped(c.match.value(i))
}

// rawParam returns the wildcard's value as it was sent, or nil.
func (c *Context) rawParam(name string) []byte {
	if c.route == nil {
		return nil
	}
	if i := c.route.index(name); i >= 0 {
		return c.match.value(i)
	}
	return nil
}

func unescaped(raw []byte) string {
	for _, b := range raw {
		if b == '%' {
			decoded, ok := http1.Unescape(nil, raw)
			if !ok {
				return string(raw)
			}
			return string(decoded)
		}
	}
	return string(raw)
}

// RawQuery returns the query as it was sent, without the question mark.
func (c *Context) RawQuery() string { c.here(); return string(c.head.RawQuery()) }

// Host returns the host the request is for, with its port if one was sent:
// that of an absolute target, else the Host field.
func (c *Context) Host() string { c.here(); return string(c.head.Host()) }

// Proto returns the version of HTTP that the client speaks: 1 and 0 or 1.
func (c *Context) Proto() (major, minor int) { c.here(); return 1, int(c.head.Minor) }

// Headers returns the header section of the request, valid until the handler
// returns.
func (c *Context) Headers() Fields { c.here(); return Fields{c.head} }

// Header returns the first value of a field of the request, or "".
func (c *Context) Header(name string) string { return string(c.HeaderBytes(name)) }

// HeaderBytes is Header without a copy: it points into the connection's
// buffer and is valid until the handler returns.
func (c *Context) HeaderBytes(name string) []byte {
	c.here()
	if i := c.head.Find(name, 0); i >= 0 {
		return c.head.Value(i)
	}
	return nil
}

// RemoteAddr returns the address of the peer; no field changes it.
func (c *Context) RemoteAddr() net.Addr { return c.Conn().RemoteAddr() }

// LocalAddr returns the address at which the connection was accepted.
func (c *Context) LocalAddr() net.Addr { return c.Conn().LocalAddr() }

// Conn returns the connection as hooks see it, with its tag.
func (c *Context) Conn() *Conn { c.here(); return c.wire.peer() }

// Body returns the content of the request as a stream that pulls: nothing is
// read ahead of it. Its Read blocks until content has come; it fails with an
// *Error of status 413 beyond the limit, 408 when the client stalls, 400 when
// the framing is broken or the client has left. It is valid until the handler
// returns. A 100 (Continue) is sent at the first Read if the client asked.
//
// What is read is gone, unless it was [Context.BodyBytes] that read it: after
// that Body gives the same bytes, and gives them again once their end was read.
func (c *Context) Body() io.Reader {
	c.here()
	if b := &c.body; b.kept() {
		if b.again == nil || b.again.met {
			b.again = c.reread()
		}
		return b.again
	}
	if c.body.read == nil {
		c.body.read = &bodyReader{c: c, lifetime: c.lifetime}
	}
	return c.body.read
}

// BodyBytes reads the whole content and keeps it: calling it again returns the
// same bytes, and so do [Context.Body], [Context.Multipart] and [Bind]. The
// bytes are valid until the handler returns and must not be changed. It fails
// as Body does. After some of the content was read in another way it is an
// error without a status, and so a 500: the rest would be taken for the whole.
func (c *Context) BodyBytes() ([]byte, error) {
	c.here()
	return c.readAll()
}

// ContentLength returns the declared length of the content, 0 if there is
// none, and -1 if it will only be known at its end.
func (c *Context) ContentLength() int64 {
	c.here()
	if c.body.kind == http1.ChunkedBody {
		return -1
	}
	return c.body.length
}

// SetBodyLimit replaces the limit of the content for this request, in bytes; 0
// is [Limits].Body, [NoLimit] none. Another negative number panics: a limit that
// was reckoned wrong is not taken for none. Content that was read before counts.
// In a BeforeRouting hook it outweighs the [BodyLimit] of the route, in
// middleware it does not.
func (c *Context) SetBodyLimit(bytes int64) {
	c.here()
	if err := completeNumber("wherry: SetBodyLimit", &bytes, c.app.limits.Body, 1<<62); err != nil {
		panic(err)
	}
	c.body.limit, c.body.limited = bytes, c.body.limited || c.route == nil
}

// ReplaceBody puts a reader of the content in place of it, for middleware that
// decodes: decode is given the content as it was, and what it returns is what
// Body, BodyBytes and Bind read from then on, under the same limit in bytes,
// counted anew. ContentLength is -1 afterwards.
func (c *Context) ReplaceBody(decode func(io.Reader) io.Reader) {
	c.here()
	inner := c.body
	inner.read = nil
	c.body = content{kind: http1.ChunkedBody, limit: inner.limit, limited: inner.limited, read: c.body.read}
	if inner.kept() {
		c.body.source = decode(&keptReader{c: c, lifetime: c.lifetime, rest: inner.whole.B}) // its bytes go to no pool
		return
	}
	c.body.source = decode(&replacedReader{c, &inner, c.lifetime})
}

// Trailers returns the trailer section of the request. It is empty until the
// body has been read to its end.
func (c *Context) Trailers() Fields {
	c.here()
	if !c.body.ended {
		return Fields{}
	}
	return c.wire.trailers()
}

// Context returns a context.Context of this exchange. It is made at the first
// call, may be kept for ever, and is cancelled when the client leaves, when a
// graceful shutdown runs out of time, and when the handler has returned;
// context.Cause tells which.
//
// A client that only ends its sending and still reads cannot be told from one
// that has left, and counts as such here. Its answer is sent all the same: the
// error of a handler that gave up with the context is answered like another,
// with 400 if it has no status of its own, and is no failure of the server. A
// handler that is to finish for such clients does not look at the context, or
// takes context.WithoutCancel of it.
func (c *Context) Context() context.Context {
	c.here()
	if c.ctx == nil {
		ctx, cancel := context.WithCancelCause(c.app.base)
		c.ctx, c.cancel = ctx, cancel
		if c.res.stage < stageEnded { // later the connection may be another's
			c.unwatch = c.wire.watch(func() { cancel(ErrClientGone) })
		}
		if !c.deadline.IsZero() {
			c.bound()
		}
	}
	return c.ctx
}

// SetDeadline bounds what Context returns from now on: it is done at that
// time, with this cause; context.DeadlineExceeded if that is nil. Of several
// deadlines the earliest holds. As long as nobody asks for Context it costs
// nothing.
func (c *Context) SetDeadline(t time.Time, cause error) {
	c.here()
	if !c.deadline.IsZero() && !t.Before(c.deadline) {
		return
	}
	c.deadline, c.late = t, cause
	if c.ctx != nil {
		c.bound()
	}
}

// bound puts the deadline on the context.
func (c *Context) bound() {
	c.ctx, c.unbound = context.WithDeadlineCause(c.ctx, c.deadline, c.late)
}

// SetContext replaces what Context returns, by one derived from it.
func (c *Context) SetContext(ctx context.Context) {
	c.Context()
	c.ctx = ctx
}

// URL returns the path of a named route, see [App.URL].
func (c *Context) URL(name string, args ...any) (string, error) {
	c.here()
	return c.app.url(name, args)
}

// FilePath returns the rest that `**` stands for as the slash-separated path
// of a file, "." if it is empty. It is safe to open below a directory with
// os.Root or fs.FS: fs.ValidPath holds for it, and it has no backslash, no NUL
// and no colon. FilePath reports false when there is no such path: when a
// decoded segment is empty, "." or "..", holds a slash or one of these three,
// or is not UTF-8. A path that ends in a slash is none of a file, see
// [DirPath].
func FilePath(c *Context) (name string, ok bool) {
	c.here()
	return fileName(c.rawParam("**"))
}

// DirPath is [FilePath] for a path that ends in a slash, and leaves that off.
// It reports false for all others.
func DirPath(c *Context) (name string, ok bool) {
	c.here()
	if !bytes.HasSuffix(c.path, rootPath) {
		return "", false
	}
	rest := c.rawParam("**")
	if len(rest) == 1 { // there is a second slash before it
		return "", false
	}
	return fileName(bytes.TrimSuffix(rest, rootPath))
}

func fileName(raw []byte) (name string, ok bool) {
	if len(raw) == 0 {
		return ".", true
	}
	name = unescaped(raw)
	slashes := 0
	for i := range len(name) {
		switch name[i] {
		case '/':
			slashes++
		case '\\', ':', 0:
			return "", false
		}
	}
	// An encoded slash makes more of them than were sent.
	if name == "." || slashes != bytes.Count(raw, rootPath) || !fs.ValidPath(name) {
		return "", false
	}
	return name, true
}
