package wherry

import (
	"strings"

	"wherry.example/wherry/internal/http1"
)

// This file reads the Content-Type of a request: RFC 9110 section 8.3.

// contentType is what a Content-Type says that matters here.
type contentType struct {
	media    string // in lower case; "" if there is no field
	boundary string
}

var (
	errContentType = &Error{Status: 400, Detail: "The Content-Type is malformed or given more than once."}
	errCharset     = &Error{Status: 415, Detail: "The charset must be utf-8."}
)

// isJSON reports whether content of this type is read as JSON.
func (t contentType) isJSON() bool {
	return t.media == typeJSON || strings.HasSuffix(t.media, "+json")
}

func (t contentType) isForm() bool {
	return t.media == "application/x-www-form-urlencoded" || t.media == "multipart/form-data"
}

// contentType reads the field. Two of them are refused: whoever looked at the
// request before us may have believed the other one.
func (c *Context) contentType() (contentType, error) {
	i := c.head.Find(HeaderContentType, 0)
	if i < 0 {
		return contentType{}, nil
	}
	if c.head.Find(HeaderContentType, i+1) >= 0 {
		return contentType{}, errContentType
	}
	field := c.head.Value(i)
	if string(field) == typeJSON {
		return contentType{media: typeJSON}, nil
	}
	return parseContentType(string(field))
}

func parseContentType(field string) (t contentType, err error) {
	media, params, _ := strings.Cut(field, ";")
	kind, sub, _ := strings.Cut(strings.Trim(media, " \t"), "/")
	if !http1.IsToken(kind) || !http1.IsToken(sub) {
		return t, errContentType
	}
	t.media = strings.ToLower(kind + "/" + sub)
	bounded := false
	for params != "" {
		var one string
		one, params = cutUnquoted(params, ';')
		if one = strings.Trim(one, " \t"); one == "" {
			continue
		}
		name, value, ok := parameter(one)
		if !ok {
			return t, errContentType
		}
		switch strings.ToLower(name) {
		case "charset":
			if !equalFold(value, "utf-8") {
				return t, errCharset
			}
		case "boundary":
			if bounded {
				return t, errContentType
			}
			bounded, t.boundary = true, value
		}
	}
	return t, nil
}

// parameter splits name=value, RFC 9110 section 5.6.6: no blanks around the
// equals sign, the value a token or a quoted string.
func parameter(s string) (name, value string, ok bool) {
	name, value, _ = strings.Cut(s, "=")
	if !http1.IsToken(name) {
		return "", "", false
	}
	if strings.HasPrefix(value, `"`) {
		value, ok = unquoted(value)
		return name, value, ok
	}
	return name, value, http1.IsToken(value)
}

// cutUnquoted cuts at the first sep that stands in no quoted string.
func cutUnquoted(s string, sep byte) (one, rest string) {
	quoted := false
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] == '\\' && quoted:
			i++
		case s[i] == '"':
			quoted = !quoted
		case s[i] == sep && !quoted:
			return s[:i], s[i+1:]
		}
	}
	return s, ""
}

// unquoted returns what a quoted string says, RFC 9110 section 5.6.4. The
// caller has seen the first quote.
func unquoted(s string) (string, bool) {
	var b strings.Builder
	for i := 1; i < len(s); i++ {
		switch {
		case s[i] == '"':
			return b.String(), i == len(s)-1
		case s[i] == '\\' && i+1 < len(s):
			i++
		}
		b.WriteByte(s[i])
	}
	return "", false
}
