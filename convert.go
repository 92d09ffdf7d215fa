package wherry

import (
	"encoding"
	"errors"
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"time"
)

// This file turns the text of a request into values of Go types. What a client
// did wrong is a textMistake; any other error is the program's.

// textMistake says to a client what is wrong with its value, and names no
// type of the program.
type textMistake string

func (m textMistake) Error() string { return string(m) }

const (
	errMissing   textMistake = "is missing"
	errRepeated  textMistake = "is given more than once"
	errTooMany   textMistake = "has too many values"
	errMalformed textMistake = "is malformed"
	errRange     textMistake = "is out of range"
	errInteger   textMistake = "must be an integer"
	errNumber    textMistake = "must be a number"
	errBool      textMistake = "must be true or false"
	errTime      textMistake = "must be a time as in RFC 3339"
	errDuration  textMistake = "must be a duration, as 1m30s"
)

// maxListValues is how many values of one name a list takes.
const maxListValues = 1000

// convertUsual converts to the usual types without reflection and without
// garbage; known is false for all others. It must not let target escape.
func convertUsual(raw []byte, target any) (known bool, err error) {
	switch t := target.(type) {
	case *string:
		*t = string(raw)
	case *int:
		var n int64
		n, err = parseInt(string(raw), strconv.IntSize)
		*t = int(n)
	case *int64:
		*t, err = parseInt(string(raw), 64)
	case *int32:
		var n int64
		n, err = parseInt(string(raw), 32)
		*t = int32(n)
	case *uint64:
		*t, err = parseUint(string(raw), 64)
	case *uint32:
		var n uint64
		n, err = parseUint(string(raw), 32)
		*t = uint32(n)
	case *float64:
		*t, err = parseFloat(string(raw), 64)
	case *bool:
		*t, err = parseBool(string(raw))
	default:
		return false, nil
	}
	return true, err
}

func convertAny[T any](text string) (value T, err error) {
	err = convertValue(text, reflect.ValueOf(&value).Elem())
	return value, err
}

var (
	timeType     = reflect.TypeFor[time.Time]()
	durationType = reflect.TypeFor[time.Duration]()
	unmarshaler  = reflect.TypeFor[encoding.TextUnmarshaler]()
)

// convertible reports whether convertValue knows the type.
func convertible(t reflect.Type) bool {
	if reflect.PointerTo(t).Implements(unmarshaler) {
		return true
	}
	switch t.Kind() {
	case reflect.String, reflect.Bool, reflect.Float32, reflect.Float64,
		reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64,
		reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return true
	case reflect.Pointer:
		return t.Elem().Kind() != reflect.Pointer && convertible(t.Elem())
	}
	return false
}

// isList reports whether a type takes all values of a name: a slice, but not
// of bytes, which could as well mean a text.
func isList(t reflect.Type) bool {
	return t.Kind() == reflect.Slice && t.Elem().Kind() != reflect.Uint8 && !convertible(t)
}

// setList converts one text for each element.
func setList(list reflect.Value, texts []string) error {
	if len(texts) > maxListValues {
		return errTooMany
	}
	made := reflect.MakeSlice(list.Type(), len(texts), len(texts))
	for i, text := range texts {
		if err := convertValue(text, made.Index(i)); err != nil {
			return err
		}
	}
	list.Set(made)
	return nil
}

// convertValue converts a text into v, which can be set.
func convertValue(text string, v reflect.Value) error {
	t := v.Type()
	switch {
	case !convertible(t):
		return fmt.Errorf("a value of type %v cannot be read from text", t)
	case t == timeType:
		return convertTime(text, v)
	case t == durationType:
		d, err := time.ParseDuration(text)
		if err != nil {
			return errDuration
		}
		v.SetInt(int64(d))
		return nil
	case t.Kind() == reflect.Pointer:
		inner := reflect.New(t.Elem())
		if err := convertValue(text, inner.Elem()); err != nil {
			return err
		}
		v.Set(inner)
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

// convertTime is stricter than package time, which takes hours of one digit
// and a comma for the point.
func convertTime(text string, v reflect.Value) error {
	const hours = len("2006-01-02T15")
	t, err := time.Parse(time.RFC3339Nano, text)
	if err != nil || text[hours] != ':' || strings.ContainsRune(text, ',') {
		return errTime
	}
	v.Set(reflect.ValueOf(t))
	return nil
}

func convertKind(text string, v reflect.Value) error {
	switch v.Kind() {
	case reflect.String:
		v.SetString(text)
	case reflect.Bool:
		b, err := parseBool(text)
		v.SetBool(b)
		return err
	case reflect.Float32, reflect.Float64:
		f, err := parseFloat(text, v.Type().Bits())
		v.SetFloat(f)
		return err
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		n, err := parseUint(text, v.Type().Bits())
		v.SetUint(n)
		return err
	default:
		n, err := parseInt(text, v.Type().Bits())
		v.SetInt(n)
		return err
	}
	return nil
}

func parseInt(text string, bits int) (int64, error) {
	n, err := strconv.ParseInt(text, 10, bits)
	return n, numberError(err, errInteger)
}

func parseUint(text string, bits int) (uint64, error) {
	n, err := strconv.ParseUint(text, 10, bits)
	return n, numberError(err, errInteger)
}

// parseFloat takes decimal numbers only: NaN would pass every comparison that
// a program makes to refuse it.
func parseFloat(text string, bits int) (float64, error) {
	for i := 0; i < len(text); i++ {
		switch b := text[i]; {
		case '0' <= b && b <= '9', b == '+', b == '-', b == '.', b|0x20 == 'e':
		default:
			return 0, errNumber
		}
	}
	f, err := strconv.ParseFloat(text, bits)
	return f, numberError(err, errNumber)
}

func parseBool(text string) (bool, error) {
	switch text {
	case "true", "1":
		return true, nil
	case "false", "0":
		return false, nil
	}
	return false, errBool
}

func numberError(err error, malformed textMistake) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, strconv.ErrRange):
		return errRange
	}
	return malformed
}
