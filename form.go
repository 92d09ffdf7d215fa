package wherry

import (
	"errors"
	"io"
	"mime/multipart"
	"strings"

	"wherry.example/wherry/internal/http1"
)

// This file reads forms: small ones into values, multipart ones as a stream of
// parts. Names are only compared, never taken apart, so no index in a name
// can make room for anything.

const (
	maxFormPairs = 1000
	maxFormValue = 1 << 20 // bytes of one value of a multipart form
	maxParts     = 1000
)

var (
	errFormMalformed = &Error{Status: 400, Detail: "The form is malformed."}
	errFormTooMany   = &Error{Status: 413, Detail: "The form has too many values."}
	errFormValue     = &Error{Status: 413, Detail: "A value of the form is too large."}
	errFormType      = &Error{Status: 415, Detail: "The content must be a form."}
)

// readForm reads the values of a form of either media type. Files in a
// multipart form are skipped.
func readForm(c *Context) (map[string][]string, error) {
	media, params := mediaType(c.HeaderBytes(HeaderContentType))
	if charset := params["charset"]; charset != "" && !strings.EqualFold(charset, "utf-8") {
		return nil, &Error{Status: 415, Detail: "The charset must be utf-8."}
	}
	switch media {
	case "application/x-www-form-urlencoded":
		body, err := c.BodyBytes()
		if err != nil {
			return nil, err
		}
		return parseForm(string(body))
	case "multipart/form-data":
		return readMultipartValues(c)
	}
	return nil, errFormType
}

func parseForm(text string) (map[string][]string, error) {
	if strings.Count(text, "&") >= maxFormPairs {
		return nil, errFormTooMany
	}
	if _, ok := http1.Unescape(nil, []byte(text)); !ok {
		return nil, errFormMalformed
	}
	values := map[string][]string{}
	for name, value := range formPairs(text) {
		values[name] = append(values[name], value)
	}
	return values, nil
}

func readMultipartValues(c *Context) (map[string][]string, error) {
	parts, err := c.Multipart()
	if err != nil {
		return nil, err
	}
	values := map[string][]string{}
	for {
		part, err := parts.Next()
		if err == io.EOF {
			return values, nil
		}
		if err != nil {
			return nil, err
		}
		if part.FileName != "" {
			continue
		}
		value, err := io.ReadAll(io.LimitReader(part, maxFormValue+1))
		if err != nil {
			return nil, err
		}
		if len(value) > maxFormValue {
			return nil, errFormValue
		}
		values[part.Name] = append(values[part.Name], string(value))
	}
}

// Parts is a multipart form as it arrives. It is valid until the handler
// returns.
type Parts struct {
	c      *Context
	reader *multipart.Reader
	count  int
}

// Part is one part of a multipart form: a stream that is valid until the next
// one is asked for.
type Part struct {
	// Name is the name of the form's field.
	Name string
	// FileName is the name of an uploaded file as the client gave it, without
	// any path and control bytes; "" for a plain value. It is a suggestion:
	// never open a file by it.
	FileName string
	// ContentType is what the client says the part is.
	ContentType string

	part *multipart.Part
	c    *Context
}

// Multipart returns the parts of a multipart/form-data body as a stream;
// nothing is buffered. The body's limit holds for all of them together.
func (c *Context) Multipart() (*Parts, error) {
	media, params := mediaType(c.HeaderBytes(HeaderContentType))
	if media != "multipart/form-data" || params["boundary"] == "" || len(params["boundary"]) > 70 {
		return nil, &Error{Status: 415, Detail: "The content must be multipart/form-data with a boundary."}
	}
	return &Parts{c: c, reader: multipart.NewReader(c.Body(), params["boundary"])}, nil
}

// Next returns the next part, and io.EOF after the last one. What was left of
// the part before is skipped.
func (p *Parts) Next() (*Part, error) {
	if p.count++; p.count > maxParts {
		return nil, errFormTooMany
	}
	part, err := p.reader.NextRawPart()
	if err == io.EOF {
		return nil, io.EOF
	}
	if err != nil {
		return nil, p.c.formError(err)
	}
	return &Part{
		Name:        part.FormName(),
		FileName:    cleanFileName(part.FileName()),
		ContentType: part.Header.Get(HeaderContentType),
		part:        part,
		c:           p.c,
	}, nil
}

// Read reads the content of the part.
func (p *Part) Read(b []byte) (int, error) {
	n, err := p.part.Read(b)
	if err != nil && err != io.EOF {
		err = p.c.formError(err)
	}
	return n, err
}

// formError is the body's own error if that is the cause, else a 400.
func (c *Context) formError(err error) error {
	var e *Error
	if errors.As(err, &e) {
		return e
	}
	if c.body.err != nil {
		return c.body.err
	}
	return &Error{Status: 400, Detail: errFormMalformed.Detail, Err: err}
}

// cleanFileName keeps the last element of a path of any system, without
// control bytes.
func cleanFileName(name string) string {
	if i := strings.LastIndexAny(name, `/\`); i >= 0 {
		name = name[i+1:]
	}
	name = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return -1
		}
		return r
	}, name)
	if name == "." || name == ".." {
		return "_"
	}
	return name
}
