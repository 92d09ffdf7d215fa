package wherry

import (
	"errors"
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"sync"

	"wherry.example/wherry/internal/http1"
)

// This file compiles types for bind.go, once each. A tag that would not do
// what it says is a mistake of the program, and found here, before any request:
// above all a tag in a place that is filled from another source.

// bindPlan says how to fill a type. Set at construction, then read-only.
type bindPlan struct {
	fields []bindField // from the head of the request
	body   *bodyPlan   // nil if the body is left alone
}

// bodyPlan says how the body is read.
type bodyPlan struct {
	index    []int // the field that takes the body; empty for the value itself
	optional bool
	json     bool
	form     []bindField // indexed from what takes the body
	file     *bindField
}

func (b *bodyPlan) isForm() bool { return len(b.form) > 0 || b.file != nil }

// bindField is a field that is filled from text.
type bindField struct {
	index    []int
	source   string
	name     string
	required bool
	list     bool
}

// bindSources are the tags that name a source. The last one is a body.
var bindSources = [...]string{"path", "query", "header", "cookie", "form"}

var bindPlans sync.Map // of reflect.Type to plannedType

type plannedType struct {
	plan *bindPlan
	err  error
}

// planOf returns the plan of a type, or why there can be none.
func planOf(t reflect.Type) (*bindPlan, error) {
	if p, ok := bindPlans.Load(t); ok {
		return p.(plannedType).plan, p.(plannedType).err
	}
	plan, err := compile(t)
	if err != nil {
		err = fmt.Errorf("wherry: a request cannot fill %v: %w", t, err)
	}
	bindPlans.Store(t, plannedType{plan, err})
	return plan, err
}

func compile(t reflect.Type) (*bindPlan, error) {
	plan := &bindPlan{}
	if t == reflect.TypeFor[struct{}]() {
		return plan, nil
	}
	if t.Kind() != reflect.Struct || convertible(t) {
		plan.body = &bodyPlan{json: true}
		return plan, errors.Join(checkOwnText(t), checkBody(t))
	}
	tagged, err := taggedFields(t, nil)
	if err != nil {
		return nil, err
	}
	form, bare, err := plan.sort(tagged)
	switch {
	case err != nil:
		return nil, err
	case len(plan.fields) == 0 && plan.body == nil:
		plan.body, err = wholeBody(t, tagged)
		return plan, err
	case bare != "":
		return nil, fmt.Errorf("%s has a json tag, but no JSON reaches it: put the fields of the body into a struct of their own, in a field with the tag body:\"\"", bare)
	case form && plan.body != nil:
		return nil, fmt.Errorf("it has form and body tags, but a request has one body: move the fields with form tags into the body's type")
	case form:
		plan.body, err = formBody(tagged)
		plan.body.json = false
	}
	return plan, err
}

// sort puts the tagged fields of a struct where they belong. It tells whether
// there are form tags, and the name of a field with nothing but a json tag.
func (p *bindPlan) sort(tagged []taggedField) (form bool, bare string, err error) {
	for _, f := range tagged {
		switch f.source {
		case "":
			if f.json {
				bare = f.Name
			}
			if err := checkUntagged(f.Type); err != nil {
				return form, bare, fmt.Errorf("%s: %w", f.Name, err)
			}
		case "form":
			form = true
		case "body":
			if p.body != nil {
				return form, bare, fmt.Errorf("%s is the second field with a body tag", f.Name)
			}
			if p.body, err = fieldBody(f); err != nil {
				return form, bare, fmt.Errorf("%s: %w", f.Name, err)
			}
		default:
			field, err := f.plan()
			if err != nil {
				return form, bare, err
			}
			p.fields = append(p.fields, field)
		}
	}
	return form, bare, nil
}

// fieldBody plans the field that takes the body.
func fieldBody(f taggedField) (*bodyPlan, error) {
	t, optional := f.Type, false
	if t.Kind() == reflect.Pointer {
		t, optional = t.Elem(), true
	}
	body := &bodyPlan{json: true}
	if t.Kind() == reflect.Struct && !convertible(t) {
		tagged, err := taggedFields(t, nil)
		if err != nil {
			return nil, err
		}
		if body, err = wholeBody(t, tagged); err != nil {
			return nil, err
		}
	} else if err := errors.Join(checkOwnText(t), checkBody(t)); err != nil {
		return nil, err
	}
	body.index, body.optional = f.index, optional
	return body, nil
}

// wholeBody plans a struct that takes the body: as a form, if it has form
// tags, and as JSON, unless a field with a form tag would then be filled by
// its Go name.
func wholeBody(t reflect.Type, tagged []taggedField) (*bodyPlan, error) {
	for _, f := range tagged {
		if f.source != "" && f.source != "form" {
			return nil, unreached(t, f)
		}
	}
	body, err := formBody(tagged)
	if err != nil || !body.json {
		return body, err
	}
	return body, checkBody(t)
}

func formBody(tagged []taggedField) (*bodyPlan, error) {
	body := &bodyPlan{json: true}
	for _, f := range tagged {
		if f.source != "form" {
			continue
		}
		field, err := f.plan()
		if err != nil {
			return body, err
		}
		body.json = body.json && f.json && f.Type != partType
		switch {
		case f.Type != partType:
			body.form = append(body.form, field)
		case body.file != nil:
			return body, fmt.Errorf("%s is the second file, but only the last part of a form can be kept as a stream: use Context.Multipart", f.Name)
		default:
			body.file = &field
		}
	}
	return body, nil
}

var partType = reflect.TypeFor[*Part]()

// taggedField is a field of a struct or of one embedded in it.
type taggedField struct {
	reflect.StructField
	index  []int
	source string // "" if no tag names one
	tag    string
	json   bool // has a json tag that names it
}

// taggedFields lists the fields of a struct, with what their tags say.
func taggedFields(t reflect.Type, at []int) (fields []taggedField, err error) {
	for i := range t.NumField() {
		f := taggedField{StructField: t.Field(i), index: append(append([]int(nil), at...), i)}
		if err := f.read(); err != nil {
			return nil, err
		}
		if !f.Anonymous || f.Type.Kind() != reflect.Struct || f.source != "" || convertible(f.Type) {
			fields = append(fields, f)
			continue
		}
		inner, err := taggedFields(f.Type, f.index)
		if err != nil {
			return nil, err
		}
		fields = append(fields, inner...)
	}
	return fields, nil
}

// read reads the tags of the field.
func (f *taggedField) read() error {
	keys, ok := tagKeys(string(f.StructField.Tag))
	if !ok {
		return fmt.Errorf("%s: the tag `%s` is malformed; write key:\"value\"", f.Name, f.StructField.Tag)
	}
	for _, key := range keys {
		source := sourceOf(key)
		if source == "" {
			continue
		}
		if source != key {
			return fmt.Errorf("%s: there is no tag %s; write %s", f.Name, key, source)
		}
		if f.source != "" {
			return fmt.Errorf("%s has more than one source: %s and %s", f.Name, f.source, source)
		}
		f.source, f.tag = source, f.StructField.Tag.Get(source)
	}
	if f.source != "" && !f.IsExported() {
		return fmt.Errorf("%s has a tag but is not exported", f.Name)
	}
	if f.source == "body" && f.tag != "" {
		return fmt.Errorf("%s: write body:\"\"; the body is one", f.Name)
	}
	tag, ok := f.StructField.Tag.Lookup("json")
	f.json = ok && tag != "-"
	return nil
}

// sourceOf returns the source that a key of a tag means, in whatever case.
func sourceOf(key string) string {
	if equalFold(key, "body") {
		return "body"
	}
	for _, source := range bindSources {
		if equalFold(key, source) {
			return source
		}
	}
	return ""
}

// plan turns the tag into a bindField.
func (f *taggedField) plan() (bindField, error) {
	name, option, _ := strings.Cut(f.tag, ",")
	field := bindField{index: f.index, source: f.source, name: name, required: option == "required"}
	element := f.Type
	if isList(element) && f.source != "path" && f.source != "cookie" {
		field.list, element = true, element.Elem()
	}
	switch {
	case name == "" || option != "" && option != "required":
		return field, fmt.Errorf("%s: the tag %s:%q is neither %s:\"name\" nor %s:\"name,required\"", f.Name, f.source, f.tag, f.source, f.source)
	case (f.source == "header" || f.source == "cookie") && !http1.IsToken(name):
		return field, fmt.Errorf("%s: %q cannot be the name of a %s", f.Name, name, f.source)
	case f.Type != partType && !convertible(element):
		return field, fmt.Errorf("%s: a value of type %v cannot be read from text", f.Name, f.Type)
	case f.Type == partType && f.source != "form":
		return field, fmt.Errorf("%s: a file comes from a form only", f.Name)
	}
	return field, nil
}

// tagKeys lists the keys of a struct tag in its conventional form. To reflect
// a tag in another form is none at all.
func tagKeys(tag string) (keys []string, ok bool) {
	for tag = strings.TrimLeft(tag, " "); tag != ""; tag = strings.TrimLeft(tag, " ") {
		key, rest, found := strings.Cut(tag, ":")
		quoted, err := strconv.QuotedPrefix(rest)
		if !found || err != nil || key == "" || quoted[0] != '"' || strings.ContainsAny(key, " \"\t") {
			return nil, false
		}
		keys, tag = append(keys, key), rest[len(quoted):]
	}
	return keys, true
}
