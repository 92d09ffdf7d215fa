package wherry

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

type failing struct{}

func (failing) MarshalJSON() ([]byte, error) { return nil, errors.New("never") }

type panicking struct{}

func (panicking) MarshalJSON() ([]byte, error) { panic("never") }

type nested struct{ v any }

func (n nested) MarshalJSON() ([]byte, error) { return standardJSON{}.Append(nil, n.v) }

func TestJSONAppend(t *testing.T) {
	for _, v := range []any{nil, 1, "<a>&\u2028", map[string]int{"a": 1}, []string{}, nested{nested{"x"}}, strings.Repeat("x", 1e5), struct {
		A int `json:"a"`
	}{1}} {
		want, err := json.Marshal(v)
		require.NoError(t, err)
		got, err := standardJSON{}.Append([]byte("head:"), v)
		require.NoError(t, err)
		require.Equal(t, "head:"+string(want), string(got), "as Marshal, without a line end")
	}
}

func TestJSONAppendFails(t *testing.T) {
	for _, v := range []any{make(chan int), failing{}, []any{1, failing{}}} {
		got, err := standardJSON{}.Append([]byte("head"), v)
		require.Error(t, err)
		require.Equal(t, "head", string(got))
	}
	require.Panics(t, func() { _, _ = standardJSON{}.Append(nil, panicking{}) })
	got, err := standardJSON{}.Append(nil, 1)
	require.NoError(t, err)
	require.Equal(t, "1", string(got), "nothing is left of what failed")
}

func TestJSONAppendFromManyGoroutines(t *testing.T) {
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			for range 200 {
				got, err := standardJSON{}.Append(nil, i)
				if err != nil || string(got) != strconv.Itoa(i) {
					t.Errorf("%d became %s, %v", i, got, err)
				}
			}
		})
	}
	wg.Wait()
}

func TestJSONAppendAllocates(t *testing.T) {
	if raceDetector {
		t.Skip("the race detector allocates")
	}
	var v any = &person{Name: "ann"}
	dst := make([]byte, 0, 1024)
	require.Zero(t, testing.AllocsPerRun(100, func() { _, _ = standardJSON{}.Append(dst, v) }))
}

var nameCases = []struct {
	json  string
	twice bool
}{
	{`{"a":1,"b":2}`, false},
	{`{"a":1,"a":2}`, true},
	{`{"a":"a","b":"a"}`, false},
	{`{"a":{"a":{"a":1}}}`, false},
	{`{"a":{"b":1},"b":{"a":2},"c":[{"a":1},{"a":2}]}`, false},
	{`{"a":{"b":1},"a":2}`, true},
	{`[{"a":1,"b":[1,"a",{}],"a":2}]`, true},
	{`["a","a","a"]`, false},
	{`"a"`, false},
	{`{"a\"":1,"a\\":2,"a":3}`, false},
	{`{"a\"":1,"a\u0022":2}`, true},
	{`{"":1,"":2}`, true},
	{`{"a":1,"A":2}`, true},
	{`{"k":1,"\u212a":2}`, true}, // the sign for kelvin
	{`{"é":1,"É":2}`, true},
	{`{"i":1,"İ":2}`, false},
	{`{"{":1,"}":2,"[":3,",":4}`, false},
	{`{ "a" : 1 , "a" : 2 }`, true},
}

func manyNamesJSON(last string) string {
	var b strings.Builder
	for i := range 100 {
		b.WriteString(`"n` + strconv.Itoa(i) + `":{"a":1,"b":2},`)
	}
	return "{" + b.String() + `"` + last + `":1}`
}

func TestDuplicateName(t *testing.T) {
	for _, tt := range nameCases {
		_, twice := duplicateName([]byte(tt.json))
		require.Equal(t, tt.twice, twice, tt.json)
	}
	for last, want := range map[string]bool{"n0": true, "n15": true, "n16": true, "N99": true, "n100": false} {
		_, twice := duplicateName([]byte(manyNamesJSON(last)))
		require.Equal(t, want, twice, last)
	}
}

// slowDuplicate is the plain twin: the tokens of encoding/json.
func slowDuplicate(d *json.Decoder) bool {
	token, err := d.Token()
	if err != nil {
		return false
	}
	switch token {
	case json.Delim('['):
		for d.More() {
			if slowDuplicate(d) {
				return true
			}
		}
	case json.Delim('{'):
		var names []string
		for d.More() {
			name, err := d.Token()
			if err != nil {
				return false
			}
			for _, have := range names {
				if strings.EqualFold(have, name.(string)) {
					return true
				}
			}
			names = append(names, name.(string))
			if slowDuplicate(d) {
				return true
			}
		}
	default:
		return false
	}
	_, err = d.Token()
	return err != nil && err != io.EOF
}

func FuzzDuplicateName(f *testing.F) {
	for _, tt := range nameCases {
		f.Add([]byte(tt.json))
	}
	f.Add([]byte(manyNamesJSON("n0")))
	f.Fuzz(func(t *testing.T, data []byte) {
		if !json.Valid(data) {
			return
		}
		_, twice := duplicateName(data)
		d := json.NewDecoder(bytes.NewReader(data))
		d.UseNumber()
		require.Equal(t, slowDuplicate(d), twice, "%s", data)
	})
}

func BenchmarkJSONAppend(b *testing.B) {
	v := any(&person{Name: "ann", Age: 7, Pet: &pet{Name: "rex", Limbs: 4}})
	dst := make([]byte, 0, 1024)
	b.Run("encoder", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			_, _ = standardJSON{}.Append(dst, v)
		}
	})
	b.Run("marshal", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			encoded, _ := json.Marshal(v)
			_ = append(dst, encoded...)
		}
	})
}
