package wherry

import (
	"encoding/json"
	"errors"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"
)

// This file finds the place of a value that its own UnmarshalJSON or
// UnmarshalText has refused, such as a malformed time: of these, encoding/json
// tells nothing. What could not be decoded is looked
// through again, level by level, and each level is decoded twice at most, so
// the search is bounded in size and depth. Without a result the answer lacks
// the place, as it does behind names that cannot stand in a pointer as they
// are.

const (
	searchBytes = 64 << 10
	searchDepth = 12 // a pointer counts too
)

// refusedValue is the error of a value, with its place.
type refusedValue struct {
	place []string // names and indexes from the root on
	kind  reflect.Type
	said  string // what is wrong with it; "" if only its own method knows
	err   error
}

func (r *refusedValue) Error() string { return r.err.Error() }
func (r *refusedValue) Unwrap() error { return r.err }

// fieldError says to a client where the value stands.
func (r *refusedValue) fieldError() FieldError {
	detail := string(errMalformed)
	switch {
	case r.said != "":
		detail = r.said
	case r.kind == timeType:
		detail = string(errTime)
	}
	at := "#"
	for _, name := range r.place {
		at += "/" + strings.NewReplacer("~", "~0", "/", "~1").Replace(name)
	}
	return FieldError{Pointer: at, Detail: detail}
}

// placed adds the place to an error of decoding data into v, if that is the
// error of a value and it is found.
func placed(err error, data []byte, v any) error {
	if err == nil || !json.Valid(data) {
		return err
	}
	if misfit, ok := err.(*json.UnmarshalTypeError); ok {
		if r, found := misplaced(data, misfit); found {
			return r
		}
		return err
	}
	if len(data) > searchBytes || !ownError(err) {
		return err
	}
	r := &refusedValue{err: err}
	if t := reflect.TypeOf(v); t == nil || t.Kind() != reflect.Pointer || !r.find(data, t.Elem(), searchDepth) {
		return err
	}
	slices.Reverse(r.place)
	return r
}

// ownError reports whether an error of decoding valid JSON is that of a value's
// own method: encoding/json hands such errors on, and makes all others itself.
func ownError(err error) bool {
	var own *Error
	_, misfit := err.(*json.UnmarshalTypeError)
	return err != nil && !misfit && !errors.As(err, &own) && !strings.HasPrefix(err.Error(), "json: ")
}

// hasOwn reports whether values of a type are read from JSON by a method of
// their own.
func hasOwn(t reflect.Type) bool {
	p := reflect.PointerTo(t)
	return p.Implements(jsonUnmarshaler) || p.Implements(unmarshaler)
}

// find looks for the refused value in data, which cannot be decoded into a t
// because of it. It notes the place from the value on up.
func (r *refusedValue) find(data []byte, t reflect.Type, depth int) bool {
	if hasOwn(t) {
		r.kind = t
		return true
	}
	if depth == 0 {
		return false
	}
	switch t.Kind() {
	case reflect.Pointer:
		return r.find(data, t.Elem(), depth-1)
	case reflect.Struct:
		return r.findField(data, t, depth)
	case reflect.Slice, reflect.Array:
		var elements []json.RawMessage
		_ = json.Unmarshal(data, &elements) // it is valid, but may be no array
		for i, element := range elements {
			if r.enter(strconv.Itoa(i), element, t.Elem(), depth) {
				return true
			}
		}
	case reflect.Map:
		var members map[string]json.RawMessage
		_ = json.Unmarshal(data, &members)
		for _, name := range slices.Sorted(maps.Keys(members)) {
			if r.enter(name, members[name], t.Elem(), depth) {
				return true
			}
		}
	}
	return false
}

func (r *refusedValue) findField(data []byte, t reflect.Type, depth int) bool {
	var members map[string]json.RawMessage
	if json.Unmarshal(data, &members) != nil {
		return false
	}
	for i := range t.NumField() {
		f := t.Field(i)
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		switch {
		case name == "-" || !f.IsExported() && !f.Anonymous:
		case name == "" && f.Anonymous && embedded(f.Type):
			if refuses(data, f.Type) && r.find(data, f.Type, depth-1) {
				return true
			}
		default:
			if name == "" {
				name = f.Name
			}
			if r.enter(name, memberOf(members, name), f.Type, depth) {
				return true
			}
		}
	}
	return false
}

// embedded reports whether the fields of an embedded field count as those of
// the struct around it.
func embedded(t reflect.Type) bool {
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	return t.Kind() == reflect.Struct && !hasOwn(t)
}

// memberOf returns the member of this name, in any case, as encoding/json does.
func memberOf(members map[string]json.RawMessage, name string) json.RawMessage {
	if member, ok := members[name]; ok {
		return member
	}
	for other, member := range members {
		if strings.EqualFold(other, name) {
			return member
		}
	}
	return nil
}

// enter looks for the refused value in a part of the content.
func (r *refusedValue) enter(name string, data []byte, t reflect.Type, depth int) bool {
	if len(data) == 0 || !refuses(data, t) || !r.find(data, t, depth-1) {
		return false
	}
	if !pointable(name) {
		r.place, r.kind = nil, nil
	} else {
		r.place = append(r.place, name)
	}
	return true
}

// refuses reports whether a value's own method is why data is no t.
func refuses(data []byte, t reflect.Type) bool {
	return ownError(json.Unmarshal(data, reflect.New(t).Interface()))
}

// pointable reports whether a name, which may be the client's, is short and
// can stand in a fragment as it is.
func pointable(name string) bool {
	for i := 0; i < len(name); i++ {
		b := name[i]
		if !('a' <= b|0x20 && b|0x20 <= 'z' || '0' <= b && b <= '9' || strings.IndexByte("-._~/", b) >= 0) {
			return false
		}
	}
	return len(name) <= 64
}
