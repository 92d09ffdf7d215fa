package wherry

import (
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"strings"
	"unicode"
	"unicode/utf8"
)

// This file reads multipart/form-data as a stream: RFC 7578. The body's own
// limit holds for all parts together; here stand the bounds on their number
// and on their heads.

const (
	maxParts    = 1000
	maxPartHead = 16 << 10
)

var (
	errPartHead  = &Error{Status: 400, Detail: "The head of a part of the form is too large."}
	errFileFirst = &Error{Status: 400, Detail: "A file must be the last part of the form."}
)

// Parts is a multipart form as it arrives. It is valid until the handler
// returns.
type Parts struct {
	c      *Context
	source partSource
	reader *multipart.Reader
	open   *multipart.Part
	count  int
	err    error // an end stays
}

// Part is one part of a multipart form: a stream that is valid until the next
// one is asked for, and until the handler returns.
type Part struct {
	// Name is the name of the form's field.
	Name string
	// FileName is the name of an uploaded file as the client gave it, without
	// any path and control bytes; "" for a plain value. It is a suggestion:
	// never open a file by it.
	FileName string
	// ContentType is what the client says the part is.
	ContentType string

	parts   *Parts
	content *multipart.Part
	last    bool // nothing may follow
}

var errFormCut = &Error{Status: 400, Detail: "The form ended too early."}

// Multipart returns the parts of a multipart/form-data body as a stream;
// nothing is kept, so a second call is an error unless [Context.BodyBytes] came
// before the first. It is an *Error of status 415 if the body is none. A form
// has at most 1,000 parts, the head of each at most 16 KiB.
func (c *Context) Multipart() (*Parts, error) {
	c.here()
	t, err := c.contentType()
	switch {
	case err != nil:
		return nil, err
	case t.media != "multipart/form-data":
		return nil, &Error{Status: 415, Detail: "The content must be multipart/form-data."}
	case !validBoundary(t.boundary):
		return nil, errContentType
	}
	if err := c.body.unread(); err != nil {
		return nil, err
	}
	p := &Parts{c: c}
	if c.body.kept() { // from the beginning, whoever has read a part of it meanwhile
		p.source.body = c.reread()
	} else {
		p.source.body = c.Body()
	}
	p.reader = multipart.NewReader(&p.source, t.boundary)
	return p, nil
}

// validBoundary reports whether s is a boundary, RFC 2046 section 5.1.1.
func validBoundary(s string) bool {
	if s == "" || len(s) > 70 || s[len(s)-1] == ' ' {
		return false
	}
	for i := 0; i < len(s); i++ {
		if b := s[i] | 0x20; ('a' > b || b > 'z') && ('0' > s[i] || s[i] > '9') && strings.IndexByte("'()+_,-./:=? ", s[i]) < 0 {
			return false
		}
	}
	return true
}

// Next returns the next part, and io.EOF after the last one. What was left of
// the part before is skipped.
func (p *Parts) Next() (*Part, error) {
	p.c.here()
	if p.err != nil {
		return nil, p.err
	}
	part, err := p.next()
	if err != nil {
		if err != io.EOF {
			err = formError(err)
		}
		p.err = err
		p.source.leave()
		return nil, err
	}
	return part, nil
}

func (p *Parts) next() (*Part, error) {
	if p.open != nil {
		if _, err := io.Copy(io.Discard, p.open); err != nil {
			return nil, err
		}
	}
	p.source.bounded, p.source.left = true, maxPartHead
	part, err := p.reader.NextRawPart()
	p.source.bounded = false
	if err != nil {
		return nil, err
	}
	if p.count++; p.count > maxParts {
		return nil, errFormTooMany
	}
	p.open = part
	kind, params, err := mime.ParseMediaType(part.Header.Get(HeaderContentDisposition))
	if err != nil || kind != "form-data" || params["name"] == "" || !utf8.ValidString(params["name"]) || len(part.Header[HeaderContentDisposition]) > 1 {
		return nil, errFormMalformed
	}
	return &Part{
		Name:        params["name"],
		FileName:    cleanFileName(params["filename"]),
		ContentType: part.Header.Get(HeaderContentType),
		parts:       p,
		content:     part,
	}, nil
}

// Read reads the content of the part.
func (p *Part) Read(b []byte) (int, error) {
	n, err := p.content.Read(b)
	for err == nil && n < len(b) && p.parts.source.plenty() { // 4 KiB at most came at once
		var m int
		m, err = p.content.Read(b[n:])
		n += m
	}
	switch {
	case err == nil:
		return n, nil
	case err != io.EOF:
		return n, formError(err)
	case !p.last:
		return n, io.EOF
	}
	// What follows would have been lost without a word.
	if _, err = p.parts.Next(); err == nil {
		p.parts.err = errFileFirst
		err = errFileFirst
	}
	return n, err
}

// formError is the cause if that is an *Error, as of the body, else a 400.
func formError(err error) error {
	var e *Error
	if errors.As(err, &e) {
		return e
	}
	return &Error{Status: 400, Detail: errFormMalformed.Detail, Err: err}
}

// cleanFileName keeps the last element of a path of any system, without
// control characters and those that turn the direction of text.
func cleanFileName(name string) string {
	if name == "" {
		return ""
	}
	name = name[strings.LastIndexAny(name, `/\`)+1:]
	name = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) || r == unicode.ReplacementChar {
			return -1
		}
		return r
	}, name)
	if name == "" || name == "." || name == ".." {
		return "_"
	}
	return name
}
