package wherry

import (
	"iter"
	"reflect"
	"strings"
)

// Param returns the value of a wildcard of the route as a T: a string, a
// bool, a number, a time.Time (RFC 3339), a time.Duration, or anything that
// implements encoding.TextUnmarshaler. What is no T is an *Error of status
// 400 that names the parameter. A name that the route does not have is one of
// status 500.
func Param[T any](c *Context, name string) (value T, err error) {
	c.here()
	if c.route == nil || c.route.index(name) < 0 {
		return value, &Error{Status: 500, Err: missingParam{name, c.Pattern()}}
	}
	if err := convert(c.Param(name), &value); err != nil {
		return value, badParameter(name, err)
	}
	return value, nil
}

type missingParam struct{ name, pattern string }

func (m missingParam) Error() string {
	return "wherry: pattern \"" + m.pattern + "\" has no wildcard \"" + m.name + "\""
}

// badParameter is the answer to a parameter that is no value of its type.
func badParameter(name string, err error) *Error {
	return &Error{Status: 400, Detail: "The parameter " + name + " " + err.Error() + ".",
		Errors: []FieldError{{Parameter: name, Detail: err.Error()}}, Err: err}
}

// Query returns the first value of a query parameter as a T, see [Param]; a
// slice type takes all values of that name. A missing one, and what is no T,
// is an *Error of status 400 that names the parameter.
func Query[T any](c *Context, name string) (value T, err error) {
	if t := reflect.TypeFor[T](); t.Kind() == reflect.Slice && !convertible(t) {
		return value, queryAll(c, name, reflect.ValueOf(&value).Elem())
	}
	text, found := c.query(name)
	if !found {
		return value, &Error{Status: 400, Detail: "The parameter " + name + " is missing.",
			Errors: []FieldError{{Parameter: name, Detail: "is missing"}}}
	}
	if err := convert(text, &value); err != nil {
		return value, badParameter(name, err)
	}
	return value, nil
}

// QueryOr is [Query] with a value for a missing parameter.
func QueryOr[T any](c *Context, name string, standard T) (T, error) {
	if _, found := c.query(name); !found {
		return standard, nil
	}
	return Query[T](c, name)
}

func queryAll(c *Context, name string, list reflect.Value) error {
	for have, text := range c.queryPairs() {
		if have != name {
			continue
		}
		value := reflect.New(list.Type().Elem()).Elem()
		if err := convertValue(text, value); err != nil {
			return badParameter(name, err)
		}
		list.Set(reflect.Append(list, value))
	}
	return nil
}

// Query returns the first value of a query parameter, decoded, or "".
func (c *Context) Query(name string) string {
	text, _ := c.query(name)
	return text
}

func (c *Context) query(name string) (text string, found bool) {
	for have, value := range c.queryPairs() {
		if have == name {
			return value, true
		}
	}
	return "", false
}

// QueryValues returns all query parameters, decoded.
func (c *Context) QueryValues() map[string][]string {
	values := map[string][]string{}
	for name, value := range c.queryPairs() {
		values[name] = append(values[name], value)
	}
	return values
}

// queryPairs yields the pairs of the query in order, decoded. What is not
// validly encoded cannot have come here: the parser refuses it.
func (c *Context) queryPairs() iter.Seq2[string, string] {
	c.here()
	return formPairs(string(c.head.RawQuery()))
}

// formPairs yields the pairs of an application/x-www-form-urlencoded text,
// which the caller has checked.
func formPairs(text string) iter.Seq2[string, string] {
	return func(yield func(string, string) bool) {
		for pair := range strings.SplitSeq(text, "&") {
			if pair == "" {
				continue
			}
			name, value, _ := strings.Cut(pair, "=")
			if !yield(formText(name), formText(value)) {
				return
			}
		}
	}
}

// formText decodes a name or value of a form: plus is a blank.
func formText(s string) string {
	if strings.IndexByte(s, '+') >= 0 {
		s = strings.ReplaceAll(s, "+", " ")
	}
	if strings.IndexByte(s, '%') < 0 {
		return s
	}
	return unescaped([]byte(s))
}
