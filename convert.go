package wherry

import (
	"encoding"
	"errors"
	"fmt"
	"reflect"
	"strconv"
	"time"
)

// This file turns the text of a request into values of Go types. The errors
// are for clients: they name no type of the program.

var (
	errNoInteger  = errors.New("must be an integer")
	errNoNumber   = errors.New("must be a number")
	errNoBool     = errors.New("must be true or false")
	errNoTime     = errors.New("must be a time as in RFC 3339")
	errNoDuration = errors.New("must be a duration, as 1m30s")
	errMalformed  = errors.New("is malformed")
	errRange      = errors.New("is out of range")
)

// convert reads text into the value that target points to. The usual types
// go without reflection.
func convert(text string, target any) (err error) {
	switch t := target.(type) {
	case *string:
		*t = text
	case *int:
		var n int64
		n, err = parseInt(text, strconv.IntSize)
		*t = int(n)
	case *int64:
		*t, err = parseInt(text, 64)
	case *bool:
		*t, err = parseBool(text)
	default:
		return convertValue(text, reflect.ValueOf(target).Elem())
	}
	return err
}

var (
	timeType     = reflect.TypeFor[time.Time]()
	durationType = reflect.TypeFor[time.Duration]()
	unmarshaler  = reflect.TypeFor[encoding.TextUnmarshaler]()
)

// convertible reports whether convertValue knows the type.
func convertible(t reflect.Type) bool {
	if t == timeType || t == durationType || reflect.PointerTo(t).Implements(unmarshaler) {
		return true
	}
	switch t.Kind() {
	case reflect.String, reflect.Bool, reflect.Float32, reflect.Float64,
		reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64,
		reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return true
	case reflect.Pointer:
		return convertible(t.Elem()) && t.Elem().Kind() != reflect.Pointer
	}
	return false
}

func convertValue(text string, v reflect.Value) error {
	switch v.Type() {
	case timeType:
		t, err := time.Parse(time.RFC3339Nano, text)
		if err != nil {
			return errNoTime
		}
		v.Set(reflect.ValueOf(t))
		return nil
	case durationType:
		d, err := time.ParseDuration(text)
		if err != nil {
			return errNoDuration
		}
		v.SetInt(int64(d))
		return nil
	}
	if u, ok := v.Addr().Interface().(encoding.TextUnmarshaler); ok {
		if u.UnmarshalText([]byte(text)) != nil {
			return errMalformed
		}
		return nil
	}
	return convertKind(text, v)
}

func convertKind(text string, v reflect.Value) error {
	switch v.Kind() {
	case reflect.String:
		v.SetString(text)
	case reflect.Bool:
		b, err := parseBool(text)
		v.SetBool(b)
		return err
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		n, err := parseInt(text, v.Type().Bits())
		v.SetInt(n)
		return err
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		n, err := strconv.ParseUint(text, 10, v.Type().Bits())
		v.SetUint(n)
		return numberError(err, errNoInteger)
	case reflect.Float32, reflect.Float64:
		f, err := strconv.ParseFloat(text, v.Type().Bits())
		v.SetFloat(f)
		return numberError(err, errNoNumber)
	case reflect.Pointer:
		inner := reflect.New(v.Type().Elem())
		if err := convertValue(text, inner.Elem()); err != nil {
			return err
		}
		v.Set(inner)
	default:
		return fmt.Errorf("wherry: values of type %v cannot be read from text", v.Type())
	}
	return nil
}

func parseInt(text string, bits int) (int64, error) {
	n, err := strconv.ParseInt(text, 10, bits)
	return n, numberError(err, errNoInteger)
}

func parseBool(text string) (bool, error) {
	switch text {
	case "true", "1":
		return true, nil
	case "false", "0":
		return false, nil
	}
	return false, errNoBool
}

func numberError(err, malformed error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, strconv.ErrRange):
		return errRange
	}
	return malformed
}
