package wherry

import (
	"cmp"
	"fmt"
	"io"
	"strings"

	"github.com/valyala/bytebufferpool"

	"wherry.example/wherry/internal/http1"
)

// Status sets the status of the answer and returns the Context. Without it,
// and without a status given to another method, the status is 200.
func (c *Context) Status(status int) *Context {
	c.here()
	if c.res.stage == stageOpen {
		c.res.status = status
	}
	return c
}

// StatusCode returns the status of the answer as it stands, 0 if none was set.
// In an ErrorHandler that is the status of the error, and in a NotFound handler
// 404, until another is set.
func (c *Context) StatusCode() int { c.here(); return cmp.Or(c.res.status, c.res.preset) }

// ResponseHeaders returns the header section of the answer, to read or change
// until the head has left. Content-Length, Transfer-Encoding, Connection and
// Date are the framework's: a Content-Length set here is a promise that the
// handler must keep, Transfer-Encoding is ignored, Connection only heeded if
// it says close, and Date kept if it is set.
func (c *Context) ResponseHeaders() *Headers { c.here(); return &c.res.headers }

// SetHeader sets a field of the answer, see [Headers.Set].
func (c *Context) SetHeader(name, value string) { c.here(); c.res.headers.Set(name, value) }

// AddHeader adds a field line to the answer, see [Headers.Add].
func (c *Context) AddHeader(name, value string) { c.here(); c.res.headers.Add(name, value) }

// Vary adds names of request fields to the Vary field of the answer, each
// once.
func (c *Context) Vary(names ...string) {
	c.here()
	h := &c.res.headers
	for _, name := range names {
		have := h.Get(HeaderVary)
		switch {
		case have == "":
			h.Set(HeaderVary, name)
		case !hasMember(have, name) && have != "*":
			h.Set(HeaderVary, have+", "+name)
		}
	}
}

func hasMember(list, member string) bool {
	for m := range strings.SplitSeq(list, ",") {
		if equalFold(strings.Trim(m, " \t"), member) {
			return true
		}
	}
	return false
}

// The Content-Type of the usual answers is rendered once.
var textLine, htmlLine, jsonLine = contentTypeLine(typeText), contentTypeLine(typeHTML), contentTypeLine(typeJSON)

func contentTypeLine(value string) headerLine {
	return headerLine{HeaderContentType, value, string(http1.AppendField(nil, HeaderContentType, value))}
}

// Text answers with text/plain. Like all whole answers it replaces one that
// was given before and waits until the outermost middleware has returned.
func (c *Context) Text(status int, text string) error {
	if err := c.replace(status); err != nil {
		return err
	}
	c.res.headers.putLine(&textLine)
	c.res.text = text
	return nil
}

// HTML answers with text/html. The caller has escaped what came from others.
func (c *Context) HTML(status int, html string) error {
	if err := c.replace(status); err != nil {
		return err
	}
	c.res.headers.putLine(&htmlLine)
	c.res.text = html
	return nil
}

// Bytes answers with content of any type. The bytes are not kept: they are
// copied, or, beyond 64 KiB, sent before Bytes returns.
func (c *Context) Bytes(status int, contentType string, content []byte) error {
	if err := c.replace(status); err != nil {
		return err
	}
	c.res.headers.Set(HeaderContentType, contentType)
	if len(content) <= holdBytes {
		c.res.hold(content)
		return nil
	}
	if err := c.commit(int64(len(content))); err != nil {
		return err
	}
	return c.forward(content)
}

// JSON answers with v as the app's JSON codec encodes it. A value that cannot
// be encoded is an error, and nothing is sent.
func (c *Context) JSON(status int, v any) error {
	if err := c.replace(status); err != nil {
		return err
	}
	c.res.headers.putLine(&jsonLine)
	c.res.hold(nil)
	encoded, err := c.app.codec.Append(c.res.held.B, v)
	if err != nil {
		return fmt.Errorf("wherry: encode %T: %w", v, err)
	}
	c.res.held.B = encoded
	return nil
}

// Stream sends what r yields, as it comes: each Read is on its way before the
// next one. Content that ends within 8 KiB gets a Content-Length; so does any
// other if that field was set before. If r is an io.Closer it is not closed.
func (c *Context) Stream(status int, contentType string, r io.Reader) error {
	if err := c.replace(status); err != nil {
		return err
	}
	c.res.headers.Set(HeaderContentType, contentType)
	chunk := bytebufferpool.Get()
	defer giveBack(chunk)
	if cap(chunk.B) < gatherBytes {
		chunk.B = make([]byte, gatherBytes)
	}
	b := pieces{small: chunk.B[:gatherBytes]}
	defer b.shrink()
	for p := b.small; ; {
		n, err := r.Read(p)
		if n > 0 {
			if _, failed := c.Write(p[:n]); failed != nil {
				return failed
			}
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		if c.res.stage == stageStream {
			if failed := c.Flush(); failed != nil {
				return failed
			}
		}
		p = b.next(p, n)
	}
}

// NoContent answers 204, or the empty answer of the status that was set.
func (c *Context) NoContent() error {
	status := c.res.status
	if status == 0 {
		status = 204
	}
	return c.replace(status)
}

// Redirect answers with a 3xx status and a Location. The location is a URI
// reference and sent as it is, non-ASCII bytes and blanks percent-encoded.
// Never build it from a request without a check: `//host` leads elsewhere.
func (c *Context) Redirect(status int, location string) error {
	if status < 300 || status > 308 || status == 304 {
		return fmt.Errorf("wherry: %d is no status of a redirect; use 301, 302, 303, 307 or 308", status)
	}
	if err := c.replace(status); err != nil {
		return err
	}
	c.res.headers.Set(HeaderLocation, escapeLocation(location))
	return nil
}

func escapeLocation(s string) string {
	clean := true
	for i := 0; i < len(s); i++ {
		clean = clean && s[i] > ' ' && s[i] < 0x7f
	}
	if clean {
		return s
	}
	const hex = "0123456789ABCDEF"
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] > ' ' && s[i] < 0x7f {
			b.WriteByte(s[i])
			continue
		}
		b.WriteByte('%')
		b.WriteByte(hex[s[i]>>4])
		b.WriteByte(hex[s[i]&15])
	}
	return b.String()
}

// SetTrailer sets a field of the trailer section, which is sent behind the
// content. It makes the answer a chunked one, even if the handler has set a
// Content-Length; HTTP/1.0 clients and HEAD get none. The first call must come
// before the head has left. Fields that frame, route or authenticate a message
// cannot be trailers (RFC 9110 section 6.5.1) and make the answer a 500.
func (c *Context) SetTrailer(name, value string) {
	c.here()
	switch {
	case http1.ForbiddenTrailer(name):
		c.res.fail("wherry: %q cannot be a trailer field", name)
	case c.res.stage == stageStream && len(c.res.trailers.lines) == 0:
		c.res.fail("wherry: trailer %q comes after the head has left; set it once before", name)
	default:
		c.res.trailers.Set(name, value)
		if c.res.trailers.err != nil {
			c.res.err = c.res.trailers.err
		}
	}
}

// Interim sends an interim response (RFC 9110 section 15.2) with the fields
// that are set so far, such as Link for 103 (Early Hints). A client that
// speaks HTTP/1.0 gets none. 100 is sent by reading the body, 101 by
// [Context.Hijack].
func (c *Context) Interim(status int) error {
	c.here()
	if status < 102 || status > 199 {
		return fmt.Errorf("wherry: %d is no interim status that a handler may send", status)
	}
	if c.res.stage != stageOpen {
		return fmt.Errorf("wherry: interim response %d after the final head", status)
	}
	if c.res.headers.err != nil {
		return c.res.headers.err
	}
	return c.sending(c.wire.interim(status, &c.res.headers))
}
