package wherry

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// JSONCodec is how JSON is written and read, see [App.JSON]. It is used from
// many goroutines at once.
type JSONCodec interface {
	// Append appends the JSON of v to dst, without a newline at the end.
	Append(dst []byte, v any) ([]byte, error)
	// Decode reads one JSON value, and nothing behind it, into v, which is a
	// pointer. strict refuses fields that v does not have. It keeps nothing
	// of data.
	Decode(data []byte, v any, strict bool) error
}

// standardJSON is the codec of encoding/json, with its defaults.
type standardJSON struct{}

func (standardJSON) Append(dst []byte, v any) ([]byte, error) {
	encoded, err := json.Marshal(v)
	if err != nil {
		return dst, err
	}
	return append(dst, encoded...), nil
}

func (standardJSON) Decode(data []byte, v any, strict bool) error {
	if !strict {
		return json.Unmarshal(data, v)
	}
	if err := checkDuplicates(data); err != nil {
		return err
	}
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		return err
	}
	if _, err := d.Token(); err != io.EOF {
		return errors.New("more than one JSON value")
	}
	return nil
}

// checkDuplicates refuses objects with the same name twice: two readers of
// such an object may see different values (RFC 8259 section 4).
func checkDuplicates(data []byte) error {
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	type level struct {
		names map[string]bool // nil for an array
		name  bool            // a name comes next
	}
	var levels []level
	for {
		token, err := d.Token()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		top := len(levels) - 1
		switch delim, isDelim := token.(json.Delim); {
		case isDelim && (delim == '}' || delim == ']'):
			levels = levels[:top]
			continue
		case top >= 0 && levels[top].name:
			name := token.(string)
			if levels[top].names[name] {
				return fmt.Errorf("the name %q appears twice", name)
			}
			levels[top].names[name] = true
			levels[top].name = false
			continue
		default:
			if top >= 0 && levels[top].names != nil {
				levels[top].name = true
			}
			if isDelim && delim == '{' {
				levels = append(levels, level{names: map[string]bool{}, name: true})
			} else if isDelim {
				levels = append(levels, level{})
			}
		}
	}
}

// decodeError says what is wrong with a JSON body, with the place if it is
// known, and nothing of the program's types.
func decodeError(err error) *Error {
	e := &Error{Status: 400, Detail: "The content is not the JSON that is expected here.", Err: err}
	var syntax *json.SyntaxError
	var kind *json.UnmarshalTypeError
	switch {
	case errors.As(err, &syntax):
		e.Detail = fmt.Sprintf("The content is not valid JSON, at byte %d.", syntax.Offset)
	case errors.As(err, &kind) && kind.Field != "":
		e.Errors = []FieldError{{Pointer: pointer(kind.Field), Detail: "must not be a " + kind.Value}}
	}
	return e
}

// pointer turns a dotted field into a JSON Pointer fragment.
func pointer(field string) string {
	var b bytes.Buffer
	b.WriteString("#/")
	for i := 0; i < len(field); i++ {
		if field[i] == '.' {
			b.WriteByte('/')
		} else {
			b.WriteByte(field[i])
		}
	}
	return b.String()
}
