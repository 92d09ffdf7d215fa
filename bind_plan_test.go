package wherry

import (
	"io"
	"net/netip"
	"reflect"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// unplanned is what a request cannot fill, and why.
var unplanned = []struct {
	plan func() error
	want string
}{
	{planErr[struct {
		A chan int `query:"a"`
	}], "A: a value of type chan int cannot be read from text"},
	{planErr[struct {
		A []byte `query:"a"`
	}], "cannot be read from text"},
	{planErr[struct {
		A []string `path:"a"`
	}], "cannot be read from text"},
	{planErr[struct {
		A string `query:""`
	}], `neither query:"name" nor query:"name,required"`},
	{planErr[struct {
		A string `query:"a,omitempty"`
	}], `neither query:"name" nor query:"name,required"`},
	{planErr[struct {
		A string `header:"X A"`
	}], "cannot be the name of a header"},
	{planErr[struct {
		A string `cookie:"a;b"`
	}], "cannot be the name of a cookie"},
	{planErr[struct {
		A string `Query:"a"`
	}], "there is no tag Query; write query"},
	{planErr[struct {
		A string `query:"a" path:"a"`
	}], "more than one source"},
	{planErr[struct {
		a string `query:"a"`
	}], "not exported"},
	{planErr[struct {
		A rule `body:"x"`
	}], "the body is one"},
	{planErr[struct {
		A rule `body:""`
		B rule `body:""`
	}], "second field with a body tag"},
	{planErr[struct {
		A rule   `body:""`
		B string `form:"b"`
	}], "form and body tags"},
	{planErr[struct {
		ID   int    `path:"id"`
		Name string `json:"name"`
	}], "Name has a json tag, but no JSON reaches it"},
	{planErr[struct {
		ID    int `path:"id"`
		Inner struct {
			Q string `query:"q"`
		}
	}], "Q has a query tag, but is not reached by it"},
	{planErr[struct {
		*origin
		ID int `path:"id"`
	}], "is not reached by it"},
	{planErr[struct {
		Body struct {
			Owner int `path:"id"`
		} `body:""`
	}], "Owner has a path tag, but is not reached by it"},
	{planErr[struct {
		Name  string `json:"name"`
		Owner []map[string]*struct {
			ID int `cookie:"id"`
		}
	}], "ID has a cookie tag"},
	{planErr[[]struct {
		A string `form:"a"`
	}], "A has a form tag"},
	{planErr[*search], "is not reached by it"},
	{planErr[func()], "cannot be read from JSON"},
	{planErr[io.Reader], "cannot be read from JSON"},
	{planErr[struct {
		A struct{ B chan int }
	}], "cannot be read from JSON"},
	{planErr[struct {
		*origin
		A string `json:"a"`
	}], "not reached"},
	{planErr[struct {
		*person
		A string `json:"a"`
	}], "person is an embedded pointer to an unexported type, which JSON cannot fill: embed the type itself"},
	{planErr[struct {
		A []struct{ *person }
	}], "person is an embedded pointer to an unexported type"},
	{planErr[map[[2]int]string], "a value of type map[[2]int]string cannot be read from JSON"},
	{planErr[struct {
		A map[float64]string `json:"a"`
	}], "map[float64]string cannot be read from JSON"},
	{planErr[struct {
		time.Time
		ID int `path:"id"`
	}], "ID has a path tag, but struct { time.Time; ID int \"path:\\\"id\\\"\" } has a method UnmarshalText, which reads it as a whole"},
	{planErr[struct {
		ID   int `path:"id"`
		Body struct {
			netip.Addr
			Q string `query:"q"`
		} `body:""`
	}], "Q has a query tag, but"},
	{planErr[struct {
		A complex128 `body:""`
	}], "cannot be read from JSON"},
	{planErr[struct {
		A *Part `query:"a"`
	}], "a file comes from a form only"},
	{planErr[struct {
		A *Part `form:"a"`
		B *Part `form:"b"`
	}], "second file"},
}

func planErr[T any]() error {
	_, err := planOf(reflect.TypeFor[T]())
	return err
}

func TestPlanMistakes(t *testing.T) {
	for _, tt := range unplanned {
		for range 2 { // compiled, and from the cache
			err := tt.plan()
			require.ErrorContains(t, err, "wherry: a request cannot fill ", tt.want)
			require.ErrorContains(t, err, tt.want)
			require.Equal(t, 500, StatusOf(err))
		}
	}
}

// To reflect such a tag is no tag at all, and the field would be filled by
// JSON.
func TestPlanMalformedTag(t *testing.T) {
	for _, tag := range []reflect.StructTag{`query: "a"`, `query:a`, `query`, `:"a"`, `json:"a" query:"a`, "query:`a`"} {
		_, err := planOf(reflect.StructOf([]reflect.StructField{{Name: "A", Type: reflect.TypeFor[string](), Tag: tag}}))
		require.ErrorContains(t, err, "is malformed", "%s", tag)
	}
}

func TestPlanTakes(t *testing.T) {
	type node struct {
		Next  *node  `json:"next"`
		Value string `json:"value" db:"v" validate:"min=1"`
		skip  func()
		Func  func() `json:"-"`
	}
	got, err := bound(t, BindStrict[node], request("POST", "/7", `{"next":{"value":"x"}}`, asJSON))
	require.NoError(t, err)
	require.Equal(t, "x", got.Next.Value)
	require.Nil(t, got.skip)

	type number int
	maps, err := bound(t, BindStrict[struct {
		N map[int8]uintptr
		T map[netip.Addr]string
		*number
	}], request("POST", "/7", `{"N":{"1":2},"T":{"192.0.2.1":"a"}}`, asJSON))
	require.NoError(t, err)
	require.Equal(t, "a", maps.T[netip.MustParseAddr("192.0.2.1")])
	require.EqualValues(t, 2, maps.N[1])

	type in struct {
		ID     int    `path:"id" json:"id"`
		Hidden string `json:"-"`
	}
	mixed, err := bound(t, BindStrict[in], request("POST", "/7", `{"id":8}`, asJSON))
	require.NoError(t, err)
	require.Equal(t, in{ID: 7}, mixed)
}

type notFilled struct{ A int }

// ownWay fills itself: JSON need not reach what it holds.
type ownWay struct {
	*notFilled
	got string
}

func (w *ownWay) UnmarshalJSON(text []byte) error { w.got = string(text); return nil }

// TestPlanOwnDecoder: a type that decodes itself is not looked into.
func TestPlanOwnDecoder(t *testing.T) {
	got, err := bound(t, Bind[ownWay], request("POST", "/7", `{"A":1}`, asJSON))
	require.NoError(t, err)
	require.Equal(t, `{"A":1}`, got.got)
}
