package wherry

import (
	"errors"
	"reflect"
	"unicode/utf8"
)

// This file fills a value from a request, by the plan that bind_plan.go makes
// of its type. Each field is filled from the one source that its tag names,
// never from another: a client cannot set through the query or the body what
// the program expects from the path.

// Bind makes a T from the request. The tags path, query, header, cookie and
// form name where a field of the struct T comes from; the tag body:"" marks
// the one field that takes the body. A T without path, query, header, cookie
// and body tags takes the body itself. Fields without a value in the request
// keep their zero value; a pointer tells a missing value from a zero one, and
// the option required makes a missing value a mistake of the client:
//
//	type search struct {
//		Shop  int      `path:"shop"`
//		Words []string `query:"q,required"`
//		Token *string  `header:"X-Token"`
//	}
//
// Texts become values as [Param] says; query, header and form tags also fill
// slices, from repeated names, at most 1,000. An empty text, as of a form whose
// field was left empty, is a value too: one for a string, a mistake for a number.
//
// A body is JSON, or a form (of either media type) if the struct that takes
// it has form tags; such a struct takes JSON as well if all fields with a
// form tag also have a json tag. A field of type *[Part] with a form tag takes
// a file, as a stream: the file must then be the last part of the form. Other
// files are skipped, see [Context.Multipart] for those. A body is required,
// except by a field that is a pointer.
//
// If the body's type or T has a method Validate() error, it is called in the
// end. Its error is answered with 422 and its text, which the client sees;
// with the details it has, if it has a method FieldErrors() []FieldError; and
// as it is, if it is an *Error.
//
// Mistakes of the client are errors of type *Error: 400 for malformed values,
// 415 for another media type, 413 for too much, 422 for values that Validate
// refuses. A T that cannot be filled at all is an error without a status, and
// so a 500; of [Typed] it is reported by [App.Build].
func Bind[T any](c *Context) (T, error) { return bind[T](c, false) }

// BindStrict is [Bind] which also refuses JSON fields that T does not have,
// and JSON objects with the same name twice. Names that differ only in case
// are the same, because encoding/json reads them so.
func BindStrict[T any](c *Context) (T, error) { return bind[T](c, true) }

func bind[T any](c *Context, strict bool) (value T, err error) {
	c.here()
	var zero T
	plan, err := planOf(reflect.TypeFor[T]())
	if err != nil {
		return zero, err
	}
	if err := plan.fill(c, reflect.ValueOf(&value).Elem(), strict); err != nil {
		return zero, err
	}
	return value, nil
}

// fill fills a value by the plan and validates it. What comes from the head
// is looked at before the body is read.
func (p *bindPlan) fill(c *Context, v reflect.Value, strict bool) error {
	for i := range p.fields {
		if f := &p.fields[i]; f.source == "path" && (c.route == nil || c.route.index(f.name) < 0) {
			return missingParam{f.name, c.Pattern()}
		}
	}
	if err := fillFields(p.fields, v, func(f *bindField) []string { return f.texts(c) }); err != nil {
		return err
	}
	if p.body != nil {
		if err := p.body.fill(c, v, strict); err != nil {
			return err
		}
		if len(p.body.index) == 0 {
			return nil // the body is the value, and has been validated
		}
	}
	return validate(v)
}

// fillFields converts the texts of the fields. All mistakes are told at once.
func fillFields(fields []bindField, v reflect.Value, texts func(*bindField) []string) error {
	var wrong []FieldError
	for i := range fields {
		f := &fields[i]
		err := f.set(v, texts(f))
		if err == nil {
			continue
		}
		var mistake textMistake
		if !errors.As(err, &mistake) {
			return err
		}
		wrong = append(wrong, FieldError{Parameter: f.name, Detail: string(mistake)})
	}
	return badParameters(wrong)
}

// texts returns what the head of the request has for a field.
func (f *bindField) texts(c *Context) []string {
	switch f.source {
	case "path":
		return []string{c.Param(f.name)}
	case "query":
		return c.queryAll(f.name)
	case "header":
		return c.Headers().Values(f.name)
	default:
		if value, ok := c.Cookie(f.name); ok {
			return []string{value}
		}
	}
	return nil
}

// set converts the texts into the field of v.
func (f *bindField) set(v reflect.Value, texts []string) error {
	switch {
	case len(texts) == 0 && f.required:
		return errMissing
	case len(texts) == 0:
		return nil
	case f.list:
		return setList(v.FieldByIndex(f.index), texts)
	case len(texts) > 1:
		return errRepeated
	}
	return convertValue(texts[0], v.FieldByIndex(f.index))
}

var (
	errNoContent  = &Error{Status: 400, Detail: "The content is missing."}
	errNotUTF8    = &Error{Status: 400, Detail: "The content is not valid UTF-8."}
	errNoJSON     = &Error{Status: 415, Detail: "The content must be application/json."}
	errNoForm     = &Error{Status: 415, Detail: "The content must be a form."}
	errNoJSONForm = &Error{Status: 415, Detail: "The content must be application/json or a form."}
)

// fill reads the body into the part of v that takes it, and validates that.
func (b *bodyPlan) fill(c *Context, v reflect.Value, strict bool) error {
	t, err := c.contentType()
	switch {
	case err != nil:
		return err
	case t.media == "" && c.ContentLength() == 0:
		return b.missing()
	}
	target := v
	if len(b.index) > 0 {
		target = v.FieldByIndex(b.index)
	}
	switch {
	case b.json && t.isJSON():
		content, err := c.BodyBytes()
		switch {
		case err != nil:
			return err
		case len(content) == 0:
			return b.missing()
		case !utf8.Valid(content):
			return errNotUTF8
		}
		if err := c.app.codec.Decode(content, target.Addr().Interface(), strict); err != nil {
			return decodeError(err)
		}
	case b.isForm() && t.isForm():
		if target.Kind() == reflect.Pointer {
			target.Set(reflect.New(target.Type().Elem()))
			target = target.Elem()
		}
		if err := b.fillForm(c, t, target); err != nil {
			return err
		}
	default:
		return b.unsupported()
	}
	return validate(target)
}

// missing is what an empty body means.
func (b *bodyPlan) missing() error {
	if b.optional {
		return nil
	}
	return errNoContent
}

// unsupported says which media types there are.
func (b *bodyPlan) unsupported() error {
	switch {
	case !b.isForm():
		return errNoJSON
	case !b.json:
		return errNoForm
	}
	return errNoJSONForm
}

// validate calls the Validate method of a value or of the pointer to it.
func validate(v reflect.Value) error {
	var validator interface{ Validate() error }
	switch {
	case v.Kind() == reflect.Pointer && v.IsNil():
		return nil
	case v.Kind() == reflect.Pointer:
		validator, _ = v.Interface().(interface{ Validate() error })
	default:
		validator, _ = v.Addr().Interface().(interface{ Validate() error })
	}
	if validator == nil {
		return nil
	}
	err := validator.Validate()
	var e *Error
	if err == nil || errors.As(err, &e) {
		return err
	}
	e = &Error{Status: 422, Detail: err.Error(), Err: err}
	var detailed interface{ FieldErrors() []FieldError }
	if errors.As(err, &detailed) {
		e.Errors = detailed.FieldErrors()
	}
	return e
}
