package wherry

import (
	"io"
	"math"
	"reflect"
	"strings"
	"unicode/utf8"
)

// This file reads the values of forms. Names are only compared, never taken
// apart, so no index or path in a name can make room for anything.

const (
	maxFormPairs = 1000
	maxFormValue = 1 << 20 // bytes of one value of a multipart form
	// maxFormBytes is how much the values of a form may take that can have a
	// file: the limit of the body was perhaps raised for that.
	maxFormBytes = 8 << 20
)

var (
	errFormMalformed = &Error{Status: 400, Detail: "The form is malformed."}
	errFormTooMany   = &Error{Status: 413, Detail: "The form has too many values."}
	errFormValue     = &Error{Status: 413, Detail: "A value of the form is too large."}
	errFormBytes     = &Error{Status: 413, Detail: "The values of the form are too large."}
)

// fillForm fills v, a struct, from a form.
func (b *bodyPlan) fillForm(c *Context, t contentType, v reflect.Value) error {
	var values map[string][]string
	var file *Part
	var err error
	if t.media == "multipart/form-data" {
		values, file, err = b.readParts(c)
	} else {
		if b.file != nil {
			c.body.limit = min(c.body.limit, maxFormBytes)
		}
		var content []byte
		if content, err = c.BodyBytes(); err == nil {
			values, err = parseForm(content)
		}
	}
	if err != nil {
		return err
	}
	if file != nil {
		v.FieldByIndex(b.file.index).Set(reflect.ValueOf(file))
	} else if b.file != nil && b.file.required {
		return badParameter(b.file.name, errMissing)
	}
	return fillFields(b.form, v, func(f *bindField) []string { return values[f.name] })
}

// parseForm reads application/x-www-form-urlencoded content.
func parseForm(content []byte) (map[string][]string, error) {
	values := map[string][]string{}
	count := 0
	for rawName, rawValue, rest, ok := nextPair(content); ok; rawName, rawValue, rest, ok = nextPair(rest) {
		if count++; count > maxFormPairs {
			return nil, errFormTooMany
		}
		name, okName := formDecode(rawName)
		value, okValue := formDecode(rawValue)
		if !okName || !okValue || !utf8.Valid(name) || !utf8.Valid(value) {
			return nil, errFormMalformed
		}
		values[string(name)] = append(values[string(name)], string(value))
	}
	return values, nil
}

// readParts reads the values of a multipart form, up to the file that the
// plan wants to have as a stream. Other files are skipped.
func (b *bodyPlan) readParts(c *Context) (values map[string][]string, file *Part, err error) {
	parts, err := c.Multipart()
	if err != nil {
		return nil, nil, err
	}
	values = map[string][]string{}
	room := int64(math.MaxInt64)
	if b.file != nil {
		room = maxFormBytes
	}
	for {
		part, err := parts.Next()
		switch {
		case err == io.EOF:
			return values, nil, nil
		case err != nil:
			return nil, nil, err
		case part.FileName == "":
			value, err := part.value()
			if err != nil {
				return nil, nil, err
			}
			if room -= int64(len(part.Name) + len(value)); room < 0 {
				return nil, nil, errFormBytes
			}
			values[part.Name] = append(values[part.Name], value)
		case b.file != nil && part.Name == b.file.name:
			part.last = true
			return values, part, nil
		}
	}
}

// value reads a part as a text.
func (p *Part) value() (string, error) {
	var b strings.Builder
	n, err := io.Copy(&b, io.LimitReader(p, maxFormValue+1))
	switch {
	case err != nil:
		return "", err
	case n > maxFormValue:
		return "", errFormValue
	case !utf8.ValidString(b.String()):
		return "", errFormMalformed
	}
	return b.String(), nil
}
