package wherry

import (
	"errors"
	"math"
	"net/netip"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// request builds a request with a body of a known length. Lines are fields.
func request(method, target, body string, lines ...string) string {
	head := method + " " + target + " HTTP/1.1\r\nHost: x\r\n"
	for _, line := range lines {
		head += line + "\r\n"
	}
	if body != "" {
		head += "Content-Length: " + strconv.Itoa(len(body)) + "\r\n"
	}
	return head + "\r\n" + body
}

// answerTo runs one handler, for any method, on one request.
func answerTo(t testing.TB, pattern string, h Handler, raw string) *TestResponse {
	t.Helper()
	method, _, _ := strings.Cut(raw, " ")
	answers, err := New().Handle(method, pattern, h).Test(raw)
	require.NoError(t, err)
	require.Len(t, answers, 1)
	return answers[0]
}

// within runs f in a handler and answers its error in the usual way.
func within(t testing.TB, pattern, raw string, f func(c *Context)) {
	t.Helper()
	ran := false
	answer := answerTo(t, pattern, func(c *Context) error {
		f(c)
		ran = true
		return c.NoContent()
	}, raw)
	require.True(t, ran, "the handler has run; the answer was %d %s", answer.Status, answer.Body)
}

// requireProblem checks that err is an *Error about one parameter.
func requireProblem(t testing.TB, err error, status int, parameter, detail string) {
	t.Helper()
	var e *Error
	require.ErrorAs(t, err, &e)
	require.Equal(t, status, e.Status)
	require.Equal(t, []FieldError{{Parameter: parameter, Detail: detail}}, e.Errors)
}

type upperText string

func (u *upperText) UnmarshalText(b []byte) error {
	if string(b) == "bad" {
		return errors.New("secret reason")
	}
	*u = upperText(strings.ToUpper(string(b)))
	return nil
}

type (
	namedInt  int
	namedBool bool
)

// convertCases are tried by Query, and so is the same text by Param.
var convertCases = []struct {
	text string
	try  func(c *Context) (any, error)
	want any // a textMistake, or the value
}{
	{"abc", queryOf[string], "abc"},
	{"42", queryOf[int], 42},
	{"-7", queryOf[int], -7},
	{"9223372036854775807", queryOf[int64], int64(math.MaxInt64)},
	{"9223372036854775808", queryOf[int64], errRange},
	{"4x", queryOf[int], errInteger},
	{"0x10", queryOf[int], errInteger},
	{"1_000", queryOf[int], errInteger},
	{"", queryOf[int], errInteger},
	{"-2147483648", queryOf[int32], int32(math.MinInt32)},
	{"2147483648", queryOf[int32], errRange},
	{"127", queryOf[int8], int8(127)},
	{"128", queryOf[int8], errRange},
	{"-129", queryOf[int8], errRange},
	{"32768", queryOf[int16], errRange},
	{"9", queryOf[namedInt], namedInt(9)},
	{"255", queryOf[uint8], uint8(255)},
	{"256", queryOf[uint8], errRange},
	{"-1", queryOf[uint], errInteger},
	{"4294967296", queryOf[uint32], errRange},
	{"4294967295", queryOf[uint32], uint32(math.MaxUint32)},
	{"18446744073709551615", queryOf[uint64], uint64(math.MaxUint64)},
	{"18446744073709551616", queryOf[uint64], errRange},
	{"1.5", queryOf[float64], 1.5},
	{"-1e3", queryOf[float64], -1000.0},
	{"1e400", queryOf[float64], errRange},
	{"1e40", queryOf[float32], errRange},
	{"0.5", queryOf[float32], float32(0.5)},
	{"NaN", queryOf[float64], errNumber},
	{"Inf", queryOf[float64], errNumber},
	{"infinity", queryOf[float32], errNumber},
	{"0x1p-2", queryOf[float64], errNumber},
	{"1e", queryOf[float64], errNumber},
	{"true", queryOf[bool], true},
	{"1", queryOf[bool], true},
	{"false", queryOf[bool], false},
	{"0", queryOf[namedBool], namedBool(false)},
	{"yes", queryOf[bool], errBool},
	{"TRUE", queryOf[bool], errBool},
	{"1m30s", queryOf[time.Duration], 90 * time.Second},
	{"90", queryOf[time.Duration], errDuration},
	{"9999999h", queryOf[time.Duration], errDuration},
	{"2026-03-01T10:00:00Z", queryOf[time.Time], time.Date(2026, 3, 1, 10, 0, 0, 0, time.UTC)},
	{"2026-02-30T10:00:00Z", queryOf[time.Time], errTime},
	{"2026-03-01T1:00:00Z", queryOf[time.Time], errTime},
	{"2026-03-01T10:00:00,5Z", queryOf[time.Time], errTime},
	{"2026-03-01T10:00:00.5Z", queryOf[time.Time], time.Date(2026, 3, 1, 10, 0, 0, 5e8, time.UTC)},
	{"2026-03-01", queryOf[time.Time], errTime},
	{"192.0.2.1", queryOf[netip.Addr], netip.MustParseAddr("192.0.2.1")},
	{"192.0.2.256", queryOf[netip.Addr], errMalformed},
	{"abc", queryOf[upperText], upperText("ABC")},
	{"bad", queryOf[upperText], errMalformed},
}

func queryOf[T any](c *Context) (any, error) { return Query[T](c, "v") }

func TestConvert(t *testing.T) {
	for _, tt := range convertCases {
		within(t, "/", request("GET", "/?v="+tt.text, ""), func(c *Context) {
			value, err := tt.try(c)
			if mistake, wrong := tt.want.(textMistake); wrong {
				require.Error(t, err, "%T of %q", value, tt.text)
				requireProblem(t, err, 400, "v", string(mistake))
				require.Zero(t, value, "%T of %q beside an error", value, tt.text)
				return
			}
			require.NoError(t, err, "%T of %q", tt.want, tt.text)
			require.Equal(t, tt.want, value)
		})
	}
}

func TestQueryPointer(t *testing.T) {
	within(t, "/", request("GET", "/?n=5&bad=x", ""), func(c *Context) {
		n, err := Query[*int](c, "n")
		require.NoError(t, err)
		require.Equal(t, 5, *n)
		n, err = Query[*int](c, "bad")
		requireProblem(t, err, 400, "bad", string(errInteger))
		require.Nil(t, n)
	})
}

func TestParam(t *testing.T) {
	within(t, "/:a/:b/:c/**", request("GET", "/7/a%2Fb+c/x/2026-03-01T10:00:00Z/rest", ""), func(c *Context) {
		n, err := Param[int](c, "a")
		require.NoError(t, err)
		require.Equal(t, 7, n)
		s, err := Param[string](c, "b")
		require.NoError(t, err)
		require.Equal(t, "a/b+c", s, "decoded once; plus is plus in a path")
		_, err = Param[uint16](c, "c")
		requireProblem(t, err, 400, "c", string(errInteger))
		rest, err := Param[string](c, "**")
		require.NoError(t, err)
		require.Equal(t, "2026-03-01T10:00:00Z/rest", rest)
	})
}

func TestParamProgramMistakes(t *testing.T) {
	within(t, "/:id", request("GET", "/7", ""), func(c *Context) {
		_, err := Param[int](c, "di")
		require.EqualError(t, err, `wherry: pattern "/:id" has no wildcard "di"`)
		require.Equal(t, 500, StatusOf(err))
		_, err = Param[map[string]int](c, "id")
		require.ErrorContains(t, err, "map[string]int cannot be read from text")
		require.Equal(t, 500, StatusOf(err))
		_, err = Param[[]byte](c, "id")
		require.Equal(t, 500, StatusOf(err))
		_, err = Param[**int](c, "id")
		require.Equal(t, 500, StatusOf(err))
	})
}

func TestParamWithoutRoute(t *testing.T) {
	app := New().NotFound(func(c *Context) error {
		_, err := Param[int](c, "id")
		require.Error(t, err)
		return c.NoContent()
	})
	answers, err := app.Test(request("GET", "/7", ""))
	require.NoError(t, err)
	require.Equal(t, 204, answers[0].Status)
}

func TestQueryMissingAndRepeated(t *testing.T) {
	within(t, "/", request("GET", "/?a=1&a=2&e=&=x&&f", ""), func(c *Context) {
		_, err := Query[int](c, "none")
		requireProblem(t, err, 400, "none", "is missing")
		_, err = Query[[]int](c, "none")
		requireProblem(t, err, 400, "none", "is missing")
		_, err = Query[int](c, "a")
		requireProblem(t, err, 400, "a", "is given more than once")
		e, err := Query[string](c, "e")
		require.NoError(t, err)
		require.Empty(t, e)
		f, err := Query[string](c, "f")
		require.NoError(t, err)
		require.Empty(t, f)
		n, err := QueryOr(c, "none", 5)
		require.NoError(t, err)
		require.Equal(t, 5, n)
		_, err = QueryOr(c, "e", 5)
		requireProblem(t, err, 400, "e", "must be an integer")
		list, err := QueryOr[[]int](c, "a", nil)
		require.NoError(t, err)
		require.Equal(t, []int{1, 2}, list)
		require.Equal(t, "1", c.Query("a"))
		require.Equal(t, "", c.Query("none"))
		require.Equal(t, map[string][]string{"a": {"1", "2"}, "e": {""}, "": {"x"}, "f": {""}}, c.QueryValues())
	})
}

func TestQueryLists(t *testing.T) {
	within(t, "/", request("GET", "/?n=1&m=x&n=2&n=3&d=1s&d=2m&p=4", ""), func(c *Context) {
		n, err := Query[[]int8](c, "n")
		require.NoError(t, err)
		require.Equal(t, []int8{1, 2, 3}, n)
		d, err := Query[[]time.Duration](c, "d")
		require.NoError(t, err)
		require.Equal(t, []time.Duration{time.Second, 2 * time.Minute}, d)
		p, err := Query[[]*int](c, "p")
		require.NoError(t, err)
		require.Equal(t, 4, *p[0])
		list, err := Query[[]int](c, "m")
		requireProblem(t, err, 400, "m", "must be an integer")
		require.Nil(t, list)
		_, err = Query[[][]int](c, "n")
		require.Equal(t, 500, StatusOf(err))
	})
}

// CVE-2025-48075, CVE-2025-54801 (fiber), CVE-2024-37298 (gorilla/schema): an
// index in a name made room for as many elements as the client liked.
func TestQueryListsAreBounded(t *testing.T) {
	app := New().Limits(Limits{Target: 64 << 10, Head: 128 << 10}).Get("/", func(c *Context) error {
		_, err := Query[[]int](c, "a")
		if err != nil {
			return err
		}
		return c.Text(200, "")
	})
	for target, status := range map[string]int{
		"/?" + strings.Repeat("a=1&", 1000):          200,
		"/?" + strings.Repeat("a=1&", 1001):          400,
		"/?a[99999999]=1":                            400, // no "a" in it
		"/?a.99999999=1":                             400,
		"/?a%5B0%5D=1":                               400,
		"/?a=1&a[99999999]=1&a[18446744073709551]=1": 200,
	} {
		answers, err := app.Test(request("GET", target, ""))
		require.NoError(t, err)
		require.Equal(t, status, answers[0].Status, target[:min(len(target), 20)])
	}
}

func TestQueryDecoding(t *testing.T) {
	within(t, "/", request("GET", "/?%61%20b=c+d%2B&x=%ff&a;b=1&a+b=2", ""), func(c *Context) {
		require.Equal(t, "c d+", c.Query("a b"))
		require.Equal(t, "\xff", c.Query("x"))
		require.Equal(t, "1", c.Query("a;b"), "only & separates")
		require.Equal(t, map[string][]string{"a b": {"c d+", "2"}, "x": {"\xff"}, "a;b": {"1"}}, c.QueryValues())
	})
	// Nothing here decodes what is malformed: the parser refuses it.
	answer := answerTo(t, "/", func(c *Context) error { return c.NoContent() }, request("GET", "/?a=%zz", ""))
	require.Equal(t, 400, answer.Status)
}

func TestMistakesDoNotEcho(t *testing.T) {
	answer := answerTo(t, "/", func(c *Context) error {
		_, err := Query[int](c, "n")
		return err
	}, request("GET", "/?n=%3Cscript%3E", ""))
	require.Equal(t, 400, answer.Status)
	require.NotContains(t, string(answer.Body), "script")
	require.Contains(t, string(answer.Body), `"parameter":"n"`)
}

func TestNumbersAllocateNothing(t *testing.T) {
	if raceDetector {
		t.Skip("the race detector allocates")
	}
	within(t, "/:id/:flag", request("GET", "/123456789/true?n=17&m=2.5", ""), func(c *Context) {
		try := func(name string, want float64, f func()) {
			require.Equal(t, want, testing.AllocsPerRun(100, f), name)
		}
		try("Param[int]", 0, func() { _, _ = Param[int](c, "id") })
		try("Param[int64]", 0, func() { _, _ = Param[int64](c, "id") })
		try("Param[bool]", 0, func() { _, _ = Param[bool](c, "flag") })
		try("Query[uint64]", 0, func() { _, _ = Query[uint64](c, "n") })
		try("Query[float64]", 0, func() { _, _ = Query[float64](c, "m") })
		try("QueryOr[int]", 0, func() { _, _ = QueryOr(c, "none", 3) })
		try("Param[string]", 1, func() { _, _ = Param[string](c, "id") })
	})
}

func TestKey(t *testing.T) {
	user, same, failure := NewKey[string]("user"), NewKey[string]("user"), NewKey[error]("failure")
	within(t, "/", request("GET", "/", ""), func(c *Context) {
		_, ok := user.Get(c)
		require.False(t, ok)
		user.Set(c, "ann")
		user.Set(c, "bob")
		name, ok := user.Get(c)
		require.True(t, ok)
		require.Equal(t, "bob", name)
		_, ok = same.Get(c)
		require.False(t, ok, "another key of the same name")
		failure.Set(c, nil)
		err, ok := failure.Get(c)
		require.True(t, ok, "a nil of an interface type was set")
		require.NoError(t, err)
	})
	require.Equal(t, "user", user.String())
	var zero Key[int]
	require.Empty(t, zero.String())
	within(t, "/", request("GET", "/", ""), func(c *Context) {
		require.Panics(t, func() { zero.Set(c, 1) })
	})
}

func TestKeyDoesNotOutliveTheExchange(t *testing.T) {
	key := NewKey[int]("n")
	app := New().Get("/", func(c *Context) error {
		_, ok := key.Get(c)
		require.False(t, ok)
		key.Set(c, 1)
		return c.NoContent()
	})
	answers, err := app.Test(request("GET", "/", "") + request("GET", "/", ""))
	require.NoError(t, err)
	require.Len(t, answers, 2)
}
