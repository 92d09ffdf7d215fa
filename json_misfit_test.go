package wherry

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

type tree struct {
	N      int             `json:"n"`
	Text   string          `json:"text"`
	List   []tree          `json:"list"`
	Grid   [2][2]int       `json:"grid"`
	Map    map[string]tree `json:"map"`
	Keys   map[int]bool    `json:"keys"`
	Dotted int             `json:"a.b"`
	Down   *tree           `json:"down"`
	Inside parcel          `json:"inside"`
	Any    any             `json:"any"`
}

// parcel decodes its content by itself, and hands on what it is told of it.
type parcel struct{ x int }

func (p *parcel) UnmarshalJSON(b []byte) error {
	var in struct {
		X int `json:"x"`
	}
	err := json.Unmarshal(b, &in)
	p.x = in.X
	if strings.Contains(string(b), "wrapped") {
		return fmt.Errorf("parcel: %w", err)
	}
	if strings.Contains(string(b), "twice") { // JSON in a string
		return json.Unmarshal([]byte(`{"x"`), &in)
	}
	return err
}

var misfitCases = []struct{ body, pointer, detail string }{
	{`{"n":"x"}`, "#/n", "must not be a string"},
	{`{"N":"x"}`, "#/N", "must not be a string"},
	{`{"list":[{},{"n":"x"}]}`, "#/list/1/n", "must not be a string"},
	{` { "list" : [ {"text":"a,]}[{\""} , {} , { "n" :  true } ] } `, "#/list/2/n", "must not be a bool"},
	{`{"list":{"n":1}}`, "#/list", "must not be an object"},
	{`{"list":[[]]}`, "#/list/0", "must not be an array"},
	{`{"list":[{"list":[{},{},{"text":[1,2]}]}]}`, "#/list/0/list/2/text", "must not be an array"},
	{`{"map":{"a":{},"k":{"n":"x"}}}`, "#/map/k/n", "must not be a string"},
	{`{"map":{"n":{"n":{}}}}`, "#/map/n/n", "must not be an object"},
	{`{"map":{"y ü":{"n":"x"}}}`, "#/map", "is malformed"},
	{`{"map":{"a/b~c":{"n":"x"}}}`, "#/map/a~1b~0c/n", "must not be a string"},
	{`{"keys":{"1":true,"x":true}}`, "#/keys", "must not be a number, or not this one"},
	{`{"keys":{"1":true,"2":1}}`, "#/keys/2", "must not be a number, or not this one"},
	{`{"a.b":"x"}`, "#/a.b", "must not be a string"},
	{`{"grid":[[1,2],[3,"x"]]}`, "#/grid/1/1", "must not be a string"},
	{`{"down":{"down":[]}}`, "#/down/down", "must not be an array"},
	{`{"n":1e400}`, "#/n", "must not be a number, or not this one"},
	{`{"n":` + strings.Repeat("9", 5000) + `}`, "#/n", "must not be a number, or not this one"},
	{`{"any":{"x":[1e999]}}`, "#/any/x/0", "must not be a number, or not this one"},
	{`[1]`, "#", "must not be an array"},
	{`"x"`, "#", "must not be a string"},
	{`{"inside":{"x":"bad"}}`, "#/inside/x", "must not be a string"},
	{`{"list":[],"inside":{"wrapped":1,"x":"bad"}}`, "#/inside", "is malformed"},
	{`{"inside":{"twice":1}}`, "#/inside", "is malformed"},
}

// TestPlaceOfMisfit: a pointer leads to the value in what was sent.
func TestPlaceOfMisfit(t *testing.T) {
	for _, tt := range misfitCases {
		for _, strict := range []bool{false, true} {
			if strict && strings.Contains(tt.body, "twice") {
				continue
			}
			var e *Error
			require.ErrorAs(t, decodeError(standardJSON{}.Decode([]byte(tt.body), new(tree), strict)), &e, tt.body)
			require.Equal(t, 400, e.Status)
			require.Equal(t, []FieldError{{Pointer: tt.pointer, Detail: tt.detail}}, e.Errors, tt.body)
		}
	}
	var e *Error
	require.ErrorAs(t, decodeError(standardJSON{}.Decode([]byte(`[{},{"n":[]}]`), new([]tree), true)), &e)
	require.Equal(t, "#/1/n", e.Errors[0].Pointer)
}

// TestPlaceOfMisfitIsUnbounded: it takes one walk, so large content has it too.
func TestPlaceOfMisfitIsUnbounded(t *testing.T) {
	body := `{"list":[` + strings.Repeat(`{"n":1},`, 100_000) + `{"n":"x"}]}`
	var e *Error
	require.ErrorAs(t, decodeError(standardJSON{}.Decode([]byte(body), new(tree), false)), &e)
	require.Equal(t, "#/list/100000/n", e.Errors[0].Pointer)
}

// TestMisfitOfCodec: what another codec says of an offset is not believed
// where it does not fit.
func TestMisfitOfCodec(t *testing.T) {
	data := []byte(`{"a":1,"b":2}`)
	for _, offset := range []int64{-1, 0, 6, 14} {
		_, found := misplaced(data, &json.UnmarshalTypeError{Field: "b", Offset: offset})
		require.False(t, found, offset)
	}
	_, found := misplaced(data, &json.UnmarshalTypeError{Field: "b", Offset: 12})
	require.True(t, found)
	err := decodeError(&json.UnmarshalTypeError{Field: "list.n", Value: "string", Type: reflect.TypeFor[int]()})
	var e *Error
	require.ErrorAs(t, err, &e)
	require.Equal(t, "#/list/n", e.Errors[0].Pointer)
	require.Equal(t, "#", pointer(""))
	require.NoError(t, placed(nil, data, nil))
	require.ErrorAs(t, decodeError(standardJSON{}.Decode([]byte(`"2026`), new(time.Time), false)), &e)
	require.Equal(t, "The content is not valid JSON, at byte 5.", e.Detail, "of no value of its own")
	require.Equal(t, errTaken, errors.Unwrap(&refusedValue{err: errTaken}))
}

// FuzzPlaceAt: it walks through all valid JSON, to every offset.
func FuzzPlaceAt(f *testing.F) {
	for _, tt := range misfitCases {
		f.Add([]byte(tt.body[:min(len(tt.body), 100)]))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if !json.Valid(data) || len(data) > 1000 {
			return
		}
		for offset := 1; offset <= len(data); offset++ {
			placeAt(data, offset)
		}
		if err := (standardJSON{}).Decode(data, new(tree), false); err != nil {
			require.Error(t, decodeError(err))
		}
	})
}
