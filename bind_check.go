package wherry

import (
	"encoding/json"
	"fmt"
	"reflect"
)

// This file finds what would be left out or fail when a value is filled: tags
// in places that nothing looks at, and types that JSON cannot fill.

var jsonUnmarshaler = reflect.TypeFor[json.Unmarshaler]()

// checkOwnText refuses tags of a struct that is read as a whole by its method
// UnmarshalText, which may well be that of an embedded field.
func checkOwnText(t reflect.Type) error {
	if t.Kind() != reflect.Struct {
		return nil
	}
	tagged, err := taggedFields(t, nil)
	for _, f := range tagged {
		if f.source != "" {
			return fmt.Errorf("%s has a %s tag, but %v has a method UnmarshalText, which reads it as a whole: give the embedded field that has the method a name", f.Name, f.source, t)
		}
	}
	return err
}

// checkUntagged refuses tags in a place that nothing fills.
func checkUntagged(t reflect.Type) error {
	return checkBelow(t, false, map[reflect.Type]bool{})
}

// checkBody refuses what JSON cannot fill, and tags below a type that takes a
// body which name another source: the client could then set by JSON what the
// program expects from elsewhere.
func checkBody(t reflect.Type) error {
	seen := map[reflect.Type]bool{}
	if t.Kind() != reflect.Struct || convertible(t) {
		return checkBelow(t, true, seen)
	}
	seen[t] = true
	tagged, err := taggedFields(t, nil)
	if err != nil {
		return err
	}
	for _, f := range tagged {
		if f.StructField.Tag.Get("json") == "-" {
			continue
		}
		if err := f.settable(); err != nil && !reflect.PointerTo(t).Implements(jsonUnmarshaler) {
			return err
		}
		if !f.IsExported() {
			continue
		}
		if err := checkBelow(f.Type, true, seen); err != nil {
			return fmt.Errorf("%s: %w", f.Name, err)
		}
	}
	return nil
}

// checkBelow walks through a type and refuses tags that name a source and,
// where values come from JSON, what that cannot fill.
func checkBelow(t reflect.Type, fromJSON bool, seen map[reflect.Type]bool) error {
	if seen[t] || convertible(t) || reflect.PointerTo(t).Implements(jsonUnmarshaler) {
		return nil
	}
	seen[t] = true
	if fromJSON && !jsonable(t) {
		return fmt.Errorf("a value of type %v cannot be read from JSON", t)
	}
	switch t.Kind() {
	case reflect.Pointer, reflect.Slice, reflect.Array, reflect.Map:
		return checkBelow(t.Elem(), fromJSON, seen)
	case reflect.Struct:
		for i := range t.NumField() {
			f := taggedField{StructField: t.Field(i)}
			if !f.IsExported() && !f.Anonymous || f.StructField.Tag.Get("json") == "-" {
				continue
			}
			if err := f.read(); err != nil {
				return err
			}
			if err := f.settable(); err != nil && fromJSON {
				return err
			}
			if f.source != "" && !(f.source == "form" && f.json && fromJSON) {
				return unreached(t, f)
			}
			if err := checkBelow(f.Type, fromJSON, seen); err != nil {
				return err
			}
		}
	}
	return nil
}

func unreached(t reflect.Type, f taggedField) error {
	return fmt.Errorf("%v.%s has a %s tag, but is not reached by it: tags count in the struct itself and in structs embedded in it", t, f.Name, f.source)
}

// settable refuses an embedded pointer that JSON cannot make point to anything,
// which encoding/json finds out when a client sends a field of it.
func (f *taggedField) settable() error {
	if f.Anonymous && !f.IsExported() && f.Type.Kind() == reflect.Pointer && f.Type.Elem().Kind() == reflect.Struct {
		return fmt.Errorf("%s is an embedded pointer to an unexported type, which JSON cannot fill: embed the type itself", f.Name)
	}
	return nil
}

func jsonable(t reflect.Type) bool {
	switch t.Kind() {
	case reflect.Map:
		switch key := t.Key(); key.Kind() {
		case reflect.String,
			reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64,
			reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uintptr:
		default:
			return reflect.PointerTo(key).Implements(unmarshaler)
		}
	case reflect.Chan, reflect.Func, reflect.Complex64, reflect.Complex128, reflect.UnsafePointer:
		return false
	case reflect.Interface:
		return t.NumMethod() == 0
	}
	return true
}
