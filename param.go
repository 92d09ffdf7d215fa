package wherry

import (
	"bytes"
	"errors"
	"fmt"
	"reflect"
	"strings"

	"wherry.example/wherry/internal/http1"
)

// Param returns the value of a wildcard of the route as a T: a string, a
// bool, a number, a time.Time (RFC 3339), a time.Duration, anything that
// implements encoding.TextUnmarshaler, or a pointer to one of these. What is
// no T is an *Error of status 400 that names the parameter. A name that the
// route does not have, and a T that cannot be read from text, are mistakes of
// the program and so a 500.
func Param[T any](c *Context, name string) (value T, err error) {
	c.here()
	if c.route == nil || c.route.index(name) < 0 {
		return value, missingParam{name, c.Pattern()}
	}
	raw := c.rawParam(name)
	if bytes.IndexByte(raw, '%') >= 0 {
		raw = []byte(unescaped(raw))
	}
	return converted[T](raw, name)
}

// missingParam is a mistake of the program: it is answered with 500.
type missingParam struct{ name, pattern string }

func (m missingParam) Error() string {
	return fmt.Sprintf("wherry: pattern %q has no wildcard %q", m.pattern, m.name)
}

// Query returns the value of a query parameter as a T, see [Param]; a slice
// of them takes all values of that name, at most 1,000. It is an *Error of
// status 400 that names the parameter if there is none, if one of them is no
// T, or if there are several and T is no slice: which of them counts is then
// not for us to guess. [QueryOr] is for parameters that may be missing.
func Query[T any](c *Context, name string) (value T, err error) {
	c.here()
	raw, count := c.queryValue(name)
	switch {
	case count == 0:
		return value, badParameter(name, errMissing)
	case isList(reflect.TypeFor[T]()):
		return queryList[T](c, name)
	case count > 1:
		return value, badParameter(name, errRepeated)
	}
	return converted[T](raw, name)
}

func queryList[T any](c *Context, name string) (list T, err error) {
	err = setList(reflect.ValueOf(&list).Elem(), c.queryAll(name))
	return list, badParameter(name, err)
}

// QueryOr is [Query] with a value for a missing parameter. One that is there
// but is no T is an error all the same.
func QueryOr[T any](c *Context, name string, standard T) (T, error) {
	c.here()
	if _, count := c.queryValue(name); count == 0 {
		return standard, nil
	}
	return Query[T](c, name)
}

// converted makes a T of a decoded text.
func converted[T any](raw []byte, name string) (value T, err error) {
	known, err := convertUsual(raw, &value)
	if !known {
		value, err = convertAny[T](string(raw))
	}
	if err != nil {
		var zero T // no half of a value beside an error
		return zero, badParameter(name, err)
	}
	return value, nil
}

// badParameter is the answer to a parameter that is no value of its type, nil
// for nil. Mistakes of the program pass as they are.
func badParameter(name string, err error) error {
	if err == nil {
		return nil
	}
	var mistake textMistake
	if errors.As(err, &mistake) {
		return badParameters([]FieldError{{Parameter: name, Detail: string(mistake)}})
	}
	return fmt.Errorf("wherry: parameter %q: %w", name, err)
}

// badParameters is the answer to mistakes in several parameters, nil without.
func badParameters(wrong []FieldError) error {
	switch len(wrong) {
	case 0:
		return nil
	case 1:
		return &Error{Status: 400, Detail: "The parameter " + wrong[0].Parameter + " " + wrong[0].Detail + ".", Errors: wrong}
	}
	names := make([]string, len(wrong))
	for i, w := range wrong {
		names[i] = w.Parameter
	}
	return &Error{Status: 400, Detail: "Some parameters are wrong: " + strings.Join(names, ", ") + ".", Errors: wrong}
}

// Query returns the first value of a query parameter, decoded, or "". The
// bytes are the client's: they need not be valid UTF-8.
func (c *Context) Query(name string) string {
	c.here()
	raw, _ := c.queryValue(name)
	return string(raw)
}

// QueryValues returns all query parameters, decoded.
func (c *Context) QueryValues() map[string][]string {
	c.here()
	values := map[string][]string{}
	for name, value, rest, ok := nextPair(c.head.RawQuery()); ok; name, value, rest, ok = nextPair(rest) {
		key := string(formText(name))
		values[key] = append(values[key], string(formText(value)))
	}
	return values
}

// queryValue returns the first value of a query parameter, decoded, and how
// many there are. The value may point into the head.
func (c *Context) queryValue(name string) (first []byte, count int) {
	for have, value, rest, ok := nextPair(c.head.RawQuery()); ok; have, value, rest, ok = nextPair(rest) {
		if string(formText(have)) != name {
			continue
		}
		if count++; count == 1 {
			first = formText(value)
		}
	}
	return first, count
}

// queryAll returns all values of a query parameter, decoded.
func (c *Context) queryAll(name string) (values []string) {
	for have, value, rest, ok := nextPair(c.head.RawQuery()); ok; have, value, rest, ok = nextPair(rest) {
		if string(formText(have)) == name {
			values = append(values, string(formText(value)))
		}
	}
	return values
}

// nextPair cuts the first pair off a text of the media type
// application/x-www-form-urlencoded, undecoded. Empty pairs are skipped.
func nextPair(text []byte) (name, value, rest []byte, ok bool) {
	for len(text) > 0 {
		var pair []byte
		if pair, text, _ = bytes.Cut(text, []byte{'&'}); len(pair) > 0 {
			name, value, _ = bytes.Cut(pair, []byte{'='})
			return name, value, text, true
		}
	}
	return nil, nil, nil, false
}

// formText decodes a name or value of a query, where the parser has refused
// malformed percent-encoding.
func formText(raw []byte) []byte {
	decoded, _ := formDecode(raw)
	return decoded
}

// formDecode decodes a name or value of a form: plus is a blank. What has
// nothing to decode is returned itself.
func formDecode(raw []byte) (decoded []byte, ok bool) {
	if bytes.IndexByte(raw, '+') < 0 && bytes.IndexByte(raw, '%') < 0 {
		return raw, true
	}
	own := bytes.ReplaceAll(raw, []byte{'+'}, []byte{' '})
	return http1.Unescape(own[:0], own) // in place: what is decoded is never longer
}
