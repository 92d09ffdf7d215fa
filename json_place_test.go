package wherry

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// even is read from JSON by a method of its own.
type even int

func (e *even) UnmarshalJSON(b []byte) error {
	n, err := parseInt(string(b), 64)
	if err != nil || n%2 != 0 {
		return fmt.Errorf("%s is not even, said type wherry.even", b)
	}
	*e = even(n)
	return nil
}

// color is read from a JSON string by a method of its own.
type color string

func (c *color) UnmarshalText(b []byte) error {
	if len(b) != 3 {
		return errors.New("no color of type wherry.color")
	}
	*c = color(b)
	return nil
}

type stamped struct {
	At  time.Time  `json:"at"`
	Due *time.Time `json:"due"`
}

type marks struct {
	stamped
	N      even
	Inner  *stamped             `json:"inner,omitempty"`
	List   []stamped            `json:"list"`
	Named  map[string]stamped   `json:"named"`
	Colors [2]color             `json:"a/b~c"`
	Deep   map[string][]*even   `json:"deep"`
	Next   *marks               `json:"next"`
	Away   time.Time            `json:"-"`
	Any    any                  `json:"any"`
	Times  map[string]time.Time `json:"times"`
}

// TestPlaceOfRefusedValue: what a value's own method refuses is told with its
// place, as other mistakes are, and without the text of the method.
func TestPlaceOfRefusedValue(t *testing.T) {
	const malformed, noTime = "is malformed", "must be a time as in RFC 3339"
	for body, want := range map[string]FieldError{
		`{"at":"yesterday"}`: {Pointer: "#/at", Detail: noTime},
		`{"at":5}`:           {Pointer: "#/at", Detail: noTime},
		`{"AT":"x"}`:         {Pointer: "#/at", Detail: noTime},
		`{"due":null,"at":null,"N":4,"inner":{"due":"x"}}`: {Pointer: "#/inner/due", Detail: noTime},
		`{"N":3}`: {Pointer: "#/N", Detail: malformed},
		`{"list":[{},{"at":"2026-01-02T03:04:05Z"},{"at":"x"}]}`:        {Pointer: "#/list/2/at", Detail: noTime},
		`{"named":{"x":{},"y":{"at":""}}}`:                              {Pointer: "#/named/y/at", Detail: noTime},
		`{"named":{"y ü":{"at":""}}}`:                                   {Pointer: "#/named", Detail: malformed},
		`{"times":{"` + strings.Repeat("n", 65) + `":""}}`:              {Pointer: "#/times", Detail: malformed},
		`{"a/b~c":["abc","x"]}`:                                         {Pointer: "#/a~1b~0c/1", Detail: malformed},
		`{"deep":{"k":[2,null,7]}}`:                                     {Pointer: "#/deep/k/2", Detail: malformed},
		`{"next":{"next":{"next":{"at":"x"}}}}`:                         {Pointer: "#/next/next/next/at", Detail: noTime},
		`{"any":{"at":"x"},"list":[{"due":true}]}`:                      {Pointer: "#/list/0/due", Detail: noTime},
		`{"at":"x","list":5}`:                                           {Pointer: "#/at", Detail: noTime},
		`{"list":{},"inner":{"at":"x"}}`:                                {Pointer: "#/inner/at", Detail: noTime},
		`{"n":1}`:                                                       {Pointer: "#/N", Detail: malformed},
		`{"next":` + strings.Repeat(`{"next":`, 3) + `{"N":1}` + `}}}}`: {Pointer: "#/next/next/next/next/N", Detail: malformed},
	} {
		for _, strict := range []bool{false, true} {
			var e *Error
			require.ErrorAs(t, decodeError(standardJSON{}.Decode([]byte(body), new(marks), strict)), &e, body)
			require.Equal(t, 400, e.Status)
			require.Equal(t, []FieldError{want}, e.Errors, body)
		}
	}
	var e *Error
	require.ErrorAs(t, decodeError(standardJSON{}.Decode([]byte(`"x"`), new(time.Time), false)), &e)
	require.Equal(t, []FieldError{{Pointer: "#", Detail: noTime}}, e.Errors)
}

// TestPlaceIsBounded: in what is too large or too deep nothing is looked for,
// and the answer is one without a place.
func TestPlaceIsBounded(t *testing.T) {
	large := `{"any":"` + strings.Repeat("x", searchBytes) + `","at":"x"}`
	deep := strings.Repeat(`{"next":`, 2*searchDepth) + `{"at":"x"}` + strings.Repeat(`}`, 2*searchDepth)
	for _, body := range []string{large, deep, `{"deep":{"k":[1` + strings.Repeat(`,2`, searchBytes) + `]}}`} {
		var e *Error
		require.ErrorAs(t, decodeError(standardJSON{}.Decode([]byte(body), new(marks), false)), &e)
		require.Equal(t, 400, e.Status)
		require.Empty(t, e.Errors)
	}
	type endless *endless
	require.False(t, new(refusedValue).find([]byte(`1`), reflect.TypeFor[endless](), searchDepth))
}

// TestPlaceKeepsErrors: the program sees the error of the method, and an
// *Error of its own is answered as it is.
func TestPlaceKeepsErrors(t *testing.T) {
	err := standardJSON{}.Decode([]byte(`{"at":"x"}`), new(marks), false)
	var parse *time.ParseError
	require.ErrorAs(t, err, &parse)
	require.Equal(t, parse.Error(), err.Error())
	err = decodeError(standardJSON{}.Decode([]byte(`{"a":1}`), &struct {
		A taken `json:"a"`
	}{}, false))
	require.Equal(t, errTaken, err)
}

var errTaken = NewError(409, "taken")

type taken struct{}

func (*taken) UnmarshalJSON([]byte) error { return errTaken }
