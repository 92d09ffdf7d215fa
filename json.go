package wherry

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
)

// JSONCodec is how JSON is written and read, see [App.JSON]. It is used from
// many goroutines at once.
type JSONCodec interface {
	// Append appends the JSON of v to dst, without a newline at the end. It
	// returns dst as it was beside an error.
	Append(dst []byte, v any) ([]byte, error)
	// Decode reads one JSON value, and nothing behind it, into v, which is a
	// pointer. strict refuses fields that v does not have, and objects with
	// the same name twice. It keeps nothing of data. Its errors are answered
	// with 400, unless they are an *Error.
	Decode(data []byte, v any, strict bool) error
}

// standardJSON is the codec of encoding/json, with its defaults.
type standardJSON struct{}

// jsonEncoder writes to memory that changes hands. Encoders are kept because
// making one costs more than a small value.
type jsonEncoder struct {
	dst     []byte
	encoder *json.Encoder
}

func (e *jsonEncoder) Write(p []byte) (int, error) {
	e.dst = append(e.dst, p...)
	return len(p), nil
}

var jsonEncoders = sync.Pool{New: func() any {
	e := &jsonEncoder{}
	e.encoder = json.NewEncoder(e)
	return e
}}

func (standardJSON) Append(dst []byte, v any) ([]byte, error) {
	e := jsonEncoders.Get().(*jsonEncoder)
	e.dst = dst
	err := e.encoder.Encode(v)
	made := e.dst
	e.dst = nil
	jsonEncoders.Put(e)
	if err != nil {
		return dst, err
	}
	return made[:len(made)-1], nil // without the encoder's newline
}

func (standardJSON) Decode(data []byte, v any, strict bool) error {
	if !strict {
		return placed(json.Unmarshal(data, v), data, v)
	}
	// The whole of data is looked at first: a Decoder reads one value and
	// leaves what stands behind it.
	if err := json.Unmarshal(data, &ignoredJSON{}); err != nil {
		return err
	}
	if name, found := duplicateName(data); found {
		return repeatedName(name)
	}
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	return placed(d.Decode(v), data, v)
}

// ignoredJSON takes any JSON and keeps nothing.
type ignoredJSON struct{}

func (*ignoredJSON) UnmarshalJSON([]byte) error { return nil }

// repeatedName is the refusal of an object with the same name twice.
type repeatedName string

func (r repeatedName) Error() string {
	return fmt.Sprintf("json: the name %q appears twice", string(r))
}

// decodeError says what is wrong with a JSON body, with the place if it is
// known, and nothing of the program's types.
func decodeError(err error) error {
	var own *Error
	if errors.As(err, &own) {
		return err
	}
	e := &Error{Status: 400, Detail: "The content is not the JSON that is expected here.", Err: err}
	var syntax *json.SyntaxError
	var kind *json.UnmarshalTypeError
	var repeated repeatedName
	var refused *refusedValue
	unknown, isUnknown := strings.CutPrefix(err.Error(), "json: unknown field ")
	switch {
	case errors.As(err, &refused): // which may have one of the others inside
		e.Errors = []FieldError{refused.fieldError()}
	case errors.As(err, &syntax):
		e.Detail = fmt.Sprintf("The content is not valid JSON, at byte %d.", syntax.Offset)
	case errors.As(err, &kind):
		e.Errors = []FieldError{{Pointer: pointer(kind.Field), Detail: misfit(kind.Value)}}
	case errors.As(err, &repeated):
		e.Errors = []FieldError{{Detail: "the name " + quotedName(string(repeated)) + " appears twice"}}
	case isUnknown:
		if name, err := strconv.Unquote(unknown); err == nil {
			unknown = name
		}
		e.Errors = []FieldError{{Detail: "the field " + quotedName(unknown) + " is not known"}}
	}
	return e
}

// misfit says what a value was, of those that encoding/json tells. A number
// may come with its digits, as many as the client likes: they stay away.
func misfit(value string) string {
	kind, _, _ := strings.Cut(value, " ")
	switch kind {
	case "array", "object":
		return "must not be an " + kind
	case "number":
		return "must not be a number, or not this one"
	}
	return "must not be a " + kind
}

// quotedName quotes a name that a client has sent, cut to a sensible length.
func quotedName(name string) string {
	const most = 64
	if len(name) > most {
		name = strings.ToValidUTF8(name[:most], "") + "..."
	}
	return strconv.Quote(name)
}

// pointer turns a dotted field into a JSON Pointer fragment, RFC 6901.
func pointer(field string) string {
	if field == "" {
		return "#"
	}
	return "#/" + strings.NewReplacer("~", "~0", "/", "~1", ".", "/").Replace(field)
}
