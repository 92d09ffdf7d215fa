package wherry

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
	"sync"
	"unicode/utf8"

	"wherry.example/wherry/internal/http1"
)

// This file fills a struct from a request. Each field is filled from the one
// source that its tag names, never from another: a client cannot set through
// the query what the program expects from the path.

// Bind makes a T from the request. The tags path, query, header, cookie and
// form name where a field of the struct T comes from; the tag body:"" marks
// one field that takes the whole JSON body. A T without such tags is filled
// from the body: JSON, or a form if it has form tags. Fields without a tag,
// and without a value in the request, keep their zero value; a pointer tells
// a missing value from a zero one, and a tag with the option required makes a
// missing value a mistake of the client:
//
//	type search struct {
//		Shop  int      `path:"shop"`
//		Words []string `query:"q,required"`
//		Token *string  `header:"X-Token"`
//	}
//
// If *T or T has a method Validate() error, it is called in the end; its error
// is answered with 422, or as it is if it is an *Error.
//
// Mistakes of the client are errors of type *Error: 400 for malformed values,
// 415 for another media type, 413 for too much, 422 for values that Validate
// refuses. A T that cannot be filled at all is an error without a status, and
// so a 500; [Typed] finds it when the route is registered.
func Bind[T any](c *Context) (T, error) { return bind[T](c, false) }

// BindStrict is [Bind] which also refuses JSON fields that T does not have
// and JSON names that appear twice.
func BindStrict[T any](c *Context) (T, error) { return bind[T](c, true) }

func bind[T any](c *Context, strict bool) (value T, err error) {
	plan, err := planOf(reflect.TypeFor[T]())
	if err != nil {
		return value, err
	}
	if err := plan.fill(c, reflect.ValueOf(&value).Elem(), strict); err != nil {
		return value, err
	}
	return value, validate(&value)
}

// validate calls the Validate method, of the value or of the pointer to it.
func validate[T any](value *T) error {
	v, ok := any(value).(interface{ Validate() error })
	if !ok {
		return nil
	}
	err := v.Validate()
	var e *Error
	if err == nil || errors.As(err, &e) {
		return err
	}
	return &Error{Status: 422, Detail: err.Error(), Err: err}
}

// bindPlan says how to fill a type. It is made once for each.
type bindPlan struct {
	fields []bindField
	form   bool  // some field comes from a form
	body   []int // the field that takes the body
	whole  bool  // the value itself takes the body
}

type bindField struct {
	index    []int
	source   string
	name     string
	required bool
	list     bool
}

var bindSources = [...]string{"path", "query", "header", "cookie", "form"}

var bindPlans sync.Map // of reflect.Type to plannedType

type plannedType struct {
	plan *bindPlan
	err  error
}

func planOf(t reflect.Type) (*bindPlan, error) {
	if p, ok := bindPlans.Load(t); ok {
		return p.(plannedType).plan, p.(plannedType).err
	}
	plan := &bindPlan{}
	var err error
	if t.Kind() == reflect.Struct && t != timeType {
		err = plan.collect(t, nil)
	}
	plan.whole = len(plan.fields) == 0 && plan.body == nil
	if err == nil && plan.form && plan.body != nil {
		err = fmt.Errorf("wherry: %v has form and body tags; a request has one body", t)
	}
	bindPlans.Store(t, plannedType{plan, err})
	return plan, err
}

// collect notes the tagged fields of a struct and of those embedded in it.
func (p *bindPlan) collect(t reflect.Type, at []int) error {
	for i := range t.NumField() {
		f := t.Field(i)
		index := append(append([]int(nil), at...), i)
		if f.Anonymous && f.Type.Kind() == reflect.Struct {
			if err := p.collect(f.Type, index); err != nil {
				return err
			}
			continue
		}
		if err := p.note(t, f, index); err != nil {
			return err
		}
	}
	return nil
}

// note adds one field to the plan, if a tag asks for it.
func (p *bindPlan) note(t reflect.Type, f reflect.StructField, index []int) error {
	found := 0
	if _, ok := f.Tag.Lookup("body"); ok {
		if p.body != nil {
			return fmt.Errorf("wherry: %v has two body fields", t)
		}
		p.body = index
		found++
	}
	for _, source := range bindSources {
		tag, ok := f.Tag.Lookup(source)
		if !ok {
			continue
		}
		found++
		name, option, _ := strings.Cut(tag, ",")
		field := bindField{index: index, source: source, name: name, required: option == "required"}
		element := f.Type
		if !convertible(element) && element.Kind() == reflect.Slice && source != "path" && source != "cookie" {
			field.list = true
			element = element.Elem()
		}
		switch {
		case name == "" || option != "" && option != "required":
			return fmt.Errorf("wherry: %v.%s: tag %s:%q; write %s:\"name\" or %s:\"name,required\"", t, f.Name, source, tag, source, source)
		case !convertible(element):
			return fmt.Errorf("wherry: %v.%s: a value of type %v cannot be read from text", t, f.Name, f.Type)
		}
		p.fields = append(p.fields, field)
		p.form = p.form || source == "form"
	}
	if found > 1 {
		return fmt.Errorf("wherry: %v.%s has more than one source", t, f.Name)
	}
	if found == 1 && !f.IsExported() {
		return fmt.Errorf("wherry: %v.%s has a tag but is not exported", t, f.Name)
	}
	return nil
}

// fill fills a value by the plan.
func (p *bindPlan) fill(c *Context, v reflect.Value, strict bool) error {
	var form map[string][]string
	var err error
	if p.form {
		if form, err = readForm(c); err != nil {
			return err
		}
	}
	for i := range p.fields {
		f := &p.fields[i]
		texts := f.texts(c, form)
		if len(texts) == 0 {
			if f.required {
				return badParameter(f.name, errMissing)
			}
			continue
		}
		if err := f.set(v.FieldByIndex(f.index), texts); err != nil {
			return badParameter(f.name, err)
		}
	}
	switch {
	case p.body != nil:
		return bindJSON(c, v.FieldByIndex(p.body).Addr().Interface(), strict)
	case p.whole:
		return bindJSON(c, v.Addr().Interface(), strict)
	}
	return nil
}

var (
	errMissing  = errors.New("is missing")
	errTooMany  = errors.New("has too many values")
	errRepeated = errors.New("is given more than once")
)

// maxListValues is how many values of one name a list takes.
const maxListValues = 1000

// texts returns what the request has for a field.
func (f *bindField) texts(c *Context, form map[string][]string) []string {
	switch f.source {
	case "path":
		if c.route != nil && c.route.index(f.name) >= 0 {
			return []string{c.Param(f.name)}
		}
	case "query":
		var texts []string
		for name, value := range c.queryPairs() {
			if name == f.name {
				texts = append(texts, value)
			}
		}
		return texts
	case "header":
		return c.Headers().Values(f.name)
	case "cookie":
		if value, ok := c.Cookie(f.name); ok {
			return []string{value}
		}
	case "form":
		return form[f.name]
	}
	return nil
}

// set converts the texts into the field.
func (f *bindField) set(v reflect.Value, texts []string) error {
	if !f.list {
		if len(texts) > 1 {
			return errRepeated
		}
		return convertValue(texts[0], v)
	}
	if len(texts) > maxListValues {
		return errTooMany
	}
	list := reflect.MakeSlice(v.Type(), len(texts), len(texts))
	for i, text := range texts {
		if err := convertValue(text, list.Index(i)); err != nil {
			return err
		}
	}
	v.Set(list)
	return nil
}

// bindJSON reads the body as one JSON value.
func bindJSON(c *Context, target any, strict bool) error {
	media, params := mediaType(c.HeaderBytes(HeaderContentType))
	if media != "application/json" && !strings.HasSuffix(media, "+json") {
		return &Error{Status: 415, Detail: "The content must be application/json."}
	}
	if charset := params["charset"]; charset != "" && !strings.EqualFold(charset, "utf-8") {
		return &Error{Status: 415, Detail: "The charset must be utf-8."}
	}
	body, err := c.BodyBytes()
	if err != nil {
		return err
	}
	if len(body) == 0 {
		return &Error{Status: 400, Detail: "The content is missing."}
	}
	if !utf8.Valid(body) {
		return &Error{Status: 400, Detail: "The content is not valid UTF-8."}
	}
	if err := c.app.codec.Decode(body, target, strict); err != nil {
		return decodeError(err)
	}
	return nil
}

// mediaType splits a Content-Type into its type, in lower case, and its
// parameters, names in lower case. What it cannot read is "".
func mediaType(field []byte) (media string, params map[string]string) {
	first, rest, _ := strings.Cut(string(field), ";")
	media = strings.ToLower(strings.Trim(first, " \t"))
	kind, sub, found := strings.Cut(media, "/")
	if !found || !http1.IsToken(kind) || !http1.IsToken(sub) {
		return "", nil
	}
	params = map[string]string{}
	for rest != "" && len(params) < 16 {
		var one string
		one, rest = cutParameter(rest)
		name, value, found := strings.Cut(strings.Trim(one, " \t"), "=")
		if found {
			params[strings.ToLower(name)] = unquoted(value)
		}
	}
	return media, params
}

// cutParameter cuts at the first semicolon outside of a quoted string.
func cutParameter(s string) (one, rest string) {
	quoted := false
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] == '\\' && quoted:
			i++
		case s[i] == '"':
			quoted = !quoted
		case s[i] == ';' && !quoted:
			return s[:i], s[i+1:]
		}
	}
	return s, ""
}

// unquoted returns what a quoted string says, or the token that s is.
func unquoted(s string) string {
	if len(s) < 2 || s[0] != '"' || s[len(s)-1] != '"' {
		return s
	}
	var b strings.Builder
	for i := 1; i < len(s)-1; i++ {
		if s[i] == '\\' && i+1 < len(s)-1 {
			i++
		}
		b.WriteByte(s[i])
	}
	return b.String()
}
