package static

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"strconv"
	"time"

	"wherry.example/wherry"
)

// This file answers with a resource: it chooses the representation, evaluates
// the preconditions against it, and sends it whole or in parts.

// answer answers a GET or HEAD with a resource.
func (s *site) answer(c *wherry.Context, r *resource) error {
	out := outgoing{contentType: r.contentType, variant: choose(c, r)}
	if out.body == nil {
		if err := s.open(&out); err != nil {
			return notFound(err)
		}
		defer func() { _ = out.file.Close() }()
	}
	h := c.ResponseHeaders()
	h.Set(wherry.HeaderETag, out.etag)
	if r.cacheControl != "" && !h.Has(wherry.HeaderCacheControl) {
		h.Set(wherry.HeaderCacheControl, r.cacheControl)
	}
	modified := out.modified
	if out.ahead {
		modified = out.lastModified(time.Now())
	}
	if modified != "" {
		h.Set(wherry.HeaderLastModified, modified)
	}
	if answered, err := c.Precondition(out.etag, out.changed()); answered {
		return err
	}
	if out.coding != "" {
		h.Set(wherry.HeaderContentEncoding, out.coding)
	}
	if !out.seekable() {
		h.Set(wherry.HeaderAcceptRanges, "none")
		return out.whole(c)
	}
	h.Set(wherry.HeaderAcceptRanges, "bytes")
	parts, ok := asked(c, &out.variant)
	switch {
	case !ok:
		return out.whole(c)
	case len(parts) == 0:
		return unsatisfiable(c, out.size)
	case len(parts) == 1:
		h.Set(wherry.HeaderContentRange, parts[0].contentRange(out.size))
		return out.send(c, 206, parts[0])
	}
	return out.multipart(c, parts)
}

// choose returns the representation that the client likes best. Vary tells
// caches whenever there is a choice. A client that wants none of them gets the
// one without coding.
func choose(c *wherry.Context, r *resource) variant {
	if len(r.variants) == 1 {
		return r.variants[0]
	}
	offers := make([]string, 0, len(codings)+1)
	for _, v := range r.variants[1:] {
		offers = append(offers, v.coding)
	}
	best := c.AcceptsEncoding(append(offers, "identity")...)
	for _, v := range r.variants[1:] {
		if v.coding == best {
			return v
		}
	}
	return r.variants[0]
}

// open opens the file of a representation that is not in memory. If it has
// changed since it was looked at, the description changes with it.
func (s *site) open(out *outgoing) error {
	f, err := s.fsys.Open(out.name)
	if err != nil {
		return err
	}
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = errIrregular
	}
	if err == nil && !out.is(info) {
		out.variant = describe(out.name, out.coding, info)
		if out.etag == "" {
			err = s.read(&out.variant, false)
		}
	}
	if err != nil {
		_ = f.Close()
		return err
	}
	out.file = f
	return nil
}

// asked returns the parts of the content that the request asks for; ok is
// false if it asks for all of it. Range means something for GET only (section
// 14.2), and is no list: two lines of it are malformed.
func asked(c *wherry.Context, v *variant) (parts []span, ok bool) {
	if c.HeaderBytes(wherry.HeaderRange) == nil || c.Method() != "GET" {
		return nil, false
	}
	values := c.Headers().Values(wherry.HeaderRange)
	if len(values) != 1 || !c.IfRange(v.etag, v.changed()) {
		return nil, false
	}
	return parseRange(values[0], v.size)
}

// unsatisfiable is 416 with the length there is (section 15.5.17).
func unsatisfiable(c *wherry.Context, size int64) error {
	c.SetHeader(wherry.HeaderContentRange, fmt.Sprintf("bytes */%d", size))
	return wherry.NewError(416, "")
}

// outgoing is a representation on its way, from memory or from its file.
type outgoing struct {
	variant
	contentType string
	file        fs.File // nil if body is not
}

func (o *outgoing) seekable() bool {
	if o.file == nil {
		return true
	}
	_, ok := o.file.(io.Seeker)
	return ok
}

func (o *outgoing) whole(c *wherry.Context) error {
	return o.send(c, 200, span{0, o.size})
}

// send answers with one part of the content.
func (o *outgoing) send(c *wherry.Context, status int, part span) error {
	if o.body != nil {
		return c.Bytes(status, o.contentType, o.body[part.start:part.start+part.length])
	}
	c.Status(status)
	c.SetHeader(wherry.HeaderContentType, o.contentType)
	c.SetHeader(wherry.HeaderContentLength, strconv.FormatInt(part.length, 10))
	if c.Method() == "HEAD" {
		return nil
	}
	return o.write(c, part)
}

// write writes one part of the content. The file is given as it is, so that
// the kernel may copy it to the connection.
func (o *outgoing) write(c *wherry.Context, part span) error {
	if o.body != nil {
		_, err := c.Write(o.body[part.start : part.start+part.length])
		return err
	}
	if seeker, ok := o.file.(io.Seeker); ok {
		if _, err := seeker.Seek(part.start, io.SeekStart); err != nil {
			return err
		}
	}
	_, err := io.CopyN(c, o.file, part.length)
	if errors.Is(err, io.EOF) {
		err = fmt.Errorf("static: %s has become shorter while it was sent: %w", o.name, io.ErrUnexpectedEOF)
	}
	return err
}

// multipart answers with several parts, section 15.3.7.2.
func (o *outgoing) multipart(c *wherry.Context, parts []span) error {
	boundary := fmt.Sprintf("%016x%016x", rand.Uint64(), rand.Uint64())
	heads := make([]string, len(parts))
	end := "\r\n--" + boundary + "--\r\n"
	length := int64(len(end))
	for i, part := range parts {
		heads[i] = "\r\n--" + boundary + "\r\nContent-Type: " + o.contentType +
			"\r\nContent-Range: " + part.contentRange(o.size) + "\r\n\r\n"
		if i == 0 { // the first delimiter needs no line end before it
			heads[i] = heads[i][2:]
		}
		length += int64(len(heads[i])) + part.length
	}
	c.Status(206)
	c.SetHeader(wherry.HeaderContentType, "multipart/byteranges; boundary="+boundary)
	c.SetHeader(wherry.HeaderContentLength, strconv.FormatInt(length, 10))
	for i, part := range parts {
		if _, err := c.WriteString(heads[i]); err != nil {
			return err
		}
		if err := o.write(c, part); err != nil {
			return err
		}
	}
	_, err := c.WriteString(end)
	return err
}
