package wherry

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

const (
	asJSON = "Content-Type: application/json"
	asForm = "Content-Type: application/x-www-form-urlencoded"
)

// bound binds a T from a request on the pattern /:id.
func bound[T any](t testing.TB, bind func(*Context) (T, error), raw string) (value T, err error) {
	t.Helper()
	within(t, "/:id", raw, func(c *Context) { value, err = bind(c) })
	return value, err
}

type origin struct {
	Agent string `header:"User-Agent"`
}

type search struct {
	origin
	ID    int       `path:"id"`
	Words []string  `query:"q,required"`
	Limit *int      `query:"limit"`
	Since time.Time `query:"since"`
	Token *string   `header:"X-Token"`
	Tags  []int     `header:"X-Tag"`
	Theme string    `cookie:"theme"`
	Other string
	note  string
}

func TestBindSources(t *testing.T) {
	got, err := bound(t, Bind[search], request("GET", "/7?q=a&q=b&limit=5&since=2026-03-01T00:00:00Z", "",
		"User-Agent: tester", "X-Token: t", "X-Tag: 1", "x-tag: 2", "Cookie: theme=dark"))
	require.NoError(t, err)
	limit, token := 5, "t"
	require.Equal(t, search{origin: origin{"tester"}, ID: 7, Words: []string{"a", "b"}, Limit: &limit,
		Since: time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC), Token: &token, Tags: []int{1, 2}, Theme: "dark"}, got)
	require.Empty(t, got.note)

	got, err = bound(t, Bind[search], request("GET", "/7?q=a", ""))
	require.NoError(t, err)
	require.Equal(t, search{ID: 7, Words: []string{"a"}}, got)
}

// Echo fills a field from any source that has its name; here every other
// source tries.
func TestBindNeverMixesSources(t *testing.T) {
	type in struct {
		ID    int    `path:"id"`
		Q     string `query:"q"`
		H     string `header:"h"`
		C     string `cookie:"c"`
		Admin bool   `form:"admin"`
	}
	got, err := bound(t, Bind[in], request("POST", "/7?id=8&h=query&c=query&admin=true", "id=9&q=form&h=form&c=form", asForm,
		"id: 10", "q: header", "Cookie: id=11; q=cookie; admin=1"))
	require.NoError(t, err)
	require.Equal(t, in{ID: 7}, got)
}

func TestBindMistakesAreToldAtOnce(t *testing.T) {
	got, err := bound(t, Bind[search], request("GET", "/x?limit=many", "", "X-Tag: 1", "X-Tag: y"))
	require.Equal(t, search{}, got)
	var e *Error
	require.ErrorAs(t, err, &e)
	require.Equal(t, 400, e.Status)
	require.Equal(t, []FieldError{
		{Parameter: "id", Detail: "must be an integer"},
		{Parameter: "q", Detail: "is missing"},
		{Parameter: "limit", Detail: "must be an integer"},
		{Parameter: "X-Tag", Detail: "must be an integer"},
	}, e.Errors)
	require.Equal(t, "Some parameters are wrong: id, q, limit, X-Tag.", e.Detail)
}

func TestBindRepeatedValues(t *testing.T) {
	type in struct {
		Q string `query:"q"`
		H string `header:"h"`
	}
	_, err := bound(t, Bind[in], request("GET", "/7?q=1&q=2", ""))
	requireProblem(t, err, 400, "q", "is given more than once")
	_, err = bound(t, Bind[in], request("GET", "/7", "", "H: 1", "H: 2"))
	requireProblem(t, err, 400, "h", "is given more than once")
}

func TestBindUnknownWildcard(t *testing.T) {
	type in struct {
		ID int `path:"user"`
	}
	_, err := bound(t, Bind[in], request("DELETE", "/7", ""))
	require.EqualError(t, err, `wherry: pattern "/:id" has no wildcard "user"`)
	require.Equal(t, 500, StatusOf(err), "a zero ID would be another user")
}

type person struct {
	Name  string `json:"name"`
	Age   int    `json:"age"`
	Pet   *pet   `json:"pet"`
	Extra any    `json:"-"`
}

type pet struct {
	Name  string `json:"name"`
	Limbs int8   `json:"limbs"`
}

var jsonCases = []struct {
	name, body, contentType string
	lax, strict             int // status, 0 for none
	detail                  string
}{
	{"plain", `{"name":"ann","age":7}`, "application/json", 0, 0, ""},
	{"suffix", `{"name":"ann"}`, "application/vnd.x+json", 0, 0, ""},
	{"charset", `{"name":"ann"}`, `Application/JSON ; Charset="UTF-8"`, 0, 0, ""},
	{"other charset", `{"name":"ann"}`, "application/json; charset=utf-16", 415, 415, "The charset must be utf-8."},
	{"other type", `{"name":"ann"}`, "text/plain", 415, 415, "The content must be application/json."},
	{"form", `name=ann`, "application/x-www-form-urlencoded", 415, 415, "The content must be application/json."},
	{"no type", `{"name":"ann"}`, "", 415, 415, ""},
	{"malformed type", `{"name":"ann"}`, "json", 400, 400, ""},
	{"malformed parameter", `{"name":"ann"}`, "application/json; charset = utf-8", 400, 400, ""},
	{"empty", ``, "application/json", 400, 400, "The content is missing."},
	{"nothing", ``, "", 400, 400, "The content is missing."},
	{"cut", `{"name":"an`, "application/json", 400, 400, "The content is not valid JSON, at byte 11."},
	{"trailing", `{"name":"ann"} x`, "application/json", 400, 400, ""},
	{"two values", `{"name":"ann"}{"name":"bob"}`, "application/json", 400, 400, ""},
	{"trailing bracket", `{"name":"ann"}]`, "application/json", 400, 400, ""},
	{"blank behind", "{\"name\":\"ann\"}\r\n ", "application/json", 0, 0, ""},
	{"byte order mark", "\ufeff{}", "application/json", 400, 400, ""},
	{"not UTF-8", "{\"name\":\"\xff\"}", "application/json", 400, 400, "The content is not valid UTF-8."},
	{"unknown", `{"name":"ann","role":"admin"}`, "application/json", 0, 400, ""},
	{"unknown below", `{"pet":{"role":"admin"}}`, "application/json", 0, 400, ""},
	{"twice", `{"name":"ann","name":"bob"}`, "application/json", 0, 400, ""},
	{"twice, escaped", `{"name":"ann","n\u0061me":"bob"}`, "application/json", 0, 400, ""},
	{"twice, in another case", `{"name":"ann","NAME":"bob"}`, "application/json", 0, 400, ""},
	{"twice, long s", `{"limbs":1,"limb\u017f":2}`, "application/json", 0, 400, ""},
	{"twice, below", `{"pet":{"name":"a","name":"b"}}`, "application/json", 0, 400, ""},
	{"same name on two levels", `{"name":"a","pet":{"name":"b"},"age":1}`, "application/json", 0, 0, ""},
	{"wrong kind", `{"age":"x"}`, "application/json", 400, 400, ""},
	{"array", `[]`, "application/json", 400, 400, ""},
	{"deep", strings.Repeat("[", 10001), "application/json", 400, 400, ""},
}

func TestBindJSON(t *testing.T) {
	for _, tt := range jsonCases {
		t.Run(tt.name, func(t *testing.T) {
			var lines []string
			if tt.contentType != "" {
				lines = []string{"Content-Type: " + tt.contentType}
			}
			raw := request("POST", "/7", tt.body, lines...)
			for want, bind := range map[int]func(*Context) (person, error){tt.lax: Bind[person], tt.strict: BindStrict[person]} {
				if tt.lax == tt.strict {
					bind = BindStrict[person]
				}
				got, err := bound(t, bind, raw)
				if want == 0 {
					require.NoError(t, err)
					continue
				}
				require.Equal(t, want, StatusOf(err), "%v", err)
				require.Zero(t, got)
				var e *Error
				require.ErrorAs(t, err, &e)
				if tt.detail != "" {
					require.Equal(t, tt.detail, e.Detail)
				}
			}
			_, err := bound(t, Bind[person], raw)
			require.Equal(t, tt.lax != 0, err != nil, "%v", err)
		})
	}
}

func TestBindContentTypeTwice(t *testing.T) {
	_, err := bound(t, Bind[person], request("POST", "/7", `{}`, asJSON, "Content-Type: text/plain"))
	require.Equal(t, 400, StatusOf(err))
}

func TestBindTooLarge(t *testing.T) {
	app := New().Post("/", func(c *Context) error {
		_, err := Bind[person](c)
		return err
	}, BodyLimit(10))
	for _, raw := range []string{
		request("POST", "/", `{"name":"somebody"}`, asJSON),
		request("POST", "/", "", asJSON, "Transfer-Encoding: chunked") + "b\r\n{\"name\":\"so\r\n9\r\nmebody\"} \r\n0\r\n\r\n",
	} {
		answers, err := app.Test(raw)
		require.NoError(t, err)
		require.Equal(t, 413, answers[0].Status)
	}
}

type command struct {
	ID   int    `path:"id"`
	Dry  bool   `query:"dry"`
	Body person `body:""`
}

func TestBindBodyField(t *testing.T) {
	got, err := bound(t, BindStrict[command], request("PUT", "/7?dry=true", `{"name":"ann"}`, asJSON))
	require.NoError(t, err)
	require.Equal(t, command{7, true, person{Name: "ann"}}, got)

	// A body that is there is no reason to look at it before the head.
	_, err = bound(t, Bind[command], request("PUT", "/x?dry=2", `{`, asJSON))
	var e *Error
	require.ErrorAs(t, err, &e)
	require.Len(t, e.Errors, 2)

	// The client cannot reach the other fields through the body.
	_, err = bound(t, BindStrict[command], request("PUT", "/7", `{"ID":8}`, asJSON))
	require.Equal(t, 400, StatusOf(err))
	got, err = bound(t, Bind[command], request("PUT", "/7", `{"ID":8,"Dry":true}`, asJSON))
	require.NoError(t, err)
	require.Equal(t, command{ID: 7}, got)
}

func TestBindOptionalBody(t *testing.T) {
	type in struct {
		Body *person `body:""`
	}
	for _, lines := range [][]string{nil, {asJSON}} {
		got, err := bound(t, Bind[in], request("POST", "/7", "", lines...))
		require.NoError(t, err)
		require.Nil(t, got.Body)
	}
	got, err := bound(t, Bind[in], request("POST", "/7", `{"age":3}`, asJSON))
	require.NoError(t, err)
	require.Equal(t, 3, got.Body.Age)
	_, err = bound(t, Bind[in], request("POST", "/7", `{"age":3}`))
	require.Equal(t, 415, StatusOf(err))
}

func TestBindOtherBodies(t *testing.T) {
	list, err := bound(t, Bind[[]person], request("POST", "/7", `[{"age":1},{"age":2}]`, asJSON))
	require.NoError(t, err)
	require.Len(t, list, 2)
	pointed, err := bound(t, Bind[*person], request("POST", "/7", `{"age":1}`, asJSON))
	require.NoError(t, err)
	require.Equal(t, 1, pointed.Age)
	anything, err := bound(t, Bind[map[string]any], request("POST", "/7", `{"age":1}`, asJSON))
	require.NoError(t, err)
	require.Equal(t, map[string]any{"age": 1.0}, anything)
	when, err := bound(t, Bind[time.Time], request("POST", "/7", `"2026-03-01T00:00:00Z"`, asJSON))
	require.NoError(t, err)
	require.Equal(t, 2026, when.Year())
	_, err = bound(t, Bind[struct{}], request("POST", "/7", `x`, "Content-Type: image/png"))
	require.NoError(t, err, "nothing to bind")
	type in struct {
		Body []netip.Addr `body:""`
	}
	got, err := bound(t, Bind[in], request("POST", "/7", `["192.0.2.1"]`, asJSON))
	require.NoError(t, err)
	require.Len(t, got.Body, 1)
}

func TestBindErrorsNameNoTypes(t *testing.T) {
	for body, want := range map[string]string{
		`{"age":"x"}`:                            `{"pointer":"#/age","detail":"must not be a string"}`,
		`{"pet":{"limbs":300}}`:                  `{"pointer":"#/pet/limbs","detail":"must not be a number, or not this one"}`,
		`{"pet":[]}`:                             `{"pointer":"#/pet","detail":"must not be an array"}`,
		`[]`:                                     `{"pointer":"#","detail":"must not be an array"}`,
		`{"role":1}`:                             `{"detail":"the field \"role\" is not known"}`,
		`{"age":1,"age":2}`:                      `{"detail":"the name \"age\" appears twice"}`,
		`{"` + strings.Repeat("r", 999) + `":1}`: `{"detail":"the field \"` + strings.Repeat("r", 64) + `...\" is not known"}`,
	} {
		answer := answerTo(t, "/", Typed(func(c contextOf, in person) (struct{}, error) { return struct{}{}, nil }),
			request("POST", "/", body, asJSON))
		require.Equal(t, 400, answer.Status)
		require.Contains(t, string(answer.Body), `"errors":[`+want+`]`)
		require.NotContains(t, string(answer.Body), "wherry")
		require.NotContains(t, string(answer.Body), "Go ")
	}
}

func TestPointer(t *testing.T) {
	require.Equal(t, "#/a~1b/c~0d", pointer("a/b.c~d"))
}

type rule struct {
	Low  int `json:"low" form:"low"`
	High int `json:"high" form:"high"`
}

type ruleErrors []FieldError

func (r ruleErrors) Error() string             { return fmt.Sprintf("%d rules are broken", len(r)) }
func (r ruleErrors) FieldErrors() []FieldError { return r }

func (r *rule) Validate() error {
	switch {
	case r.Low == 99:
		return NewError(409, "taken")
	case r.Low == 98:
		return errors.New("plain reason")
	case r.Low > r.High:
		return fmt.Errorf("rule: %w", ruleErrors{{Pointer: "#/low", Detail: "must not be above high"}})
	}
	return nil
}

type ruled struct {
	Page int  `query:"page"`
	Rule rule `body:""`
}

func (r ruled) Validate() error {
	if r.Page < 0 {
		return errors.New("no such page")
	}
	return nil
}

// Nothing but the form may reach a struct that also takes from the head: JSON
// would set the fields of other sources by their Go names.
func TestBindFormBesideOtherSources(t *testing.T) {
	type in struct {
		ID   int    `path:"id"`
		Name string `form:"name" json:"name"`
	}
	got, err := bound(t, Bind[in], request("POST", "/7", "name=x&ID=8&id=8", asForm))
	require.NoError(t, err)
	require.Equal(t, in{7, "x"}, got)
	_, err = bound(t, Bind[in], request("POST", "/7", `{"name":"x","ID":8}`, asJSON))
	require.Equal(t, 415, StatusOf(err))
}

func TestBindValidate(t *testing.T) {
	_, err := bound(t, Bind[rule], request("POST", "/7", `{"low":1,"high":2}`, asJSON))
	require.NoError(t, err)
	_, err = bound(t, Bind[rule], request("POST", "/7", `{"low":99}`, asJSON))
	require.Equal(t, 409, StatusOf(err))

	var e *Error
	_, err = bound(t, Bind[*rule], request("POST", "/7", `{"low":98}`, asJSON))
	require.ErrorAs(t, err, &e)
	require.Equal(t, 422, e.Status)
	require.Equal(t, "plain reason", e.Detail)

	// The body's own rules hold wherever it stands, in either form.
	for _, raw := range []string{request("POST", "/7", `{"low":2,"high":1}`, asJSON), request("POST", "/7", `low=2&high=1`, asForm)} {
		_, err = bound(t, Bind[ruled], raw)
		require.ErrorAs(t, err, &e)
		require.Equal(t, 422, e.Status)
		require.Equal(t, []FieldError{{Pointer: "#/low", Detail: "must not be above high"}}, e.Errors)
	}
	_, err = bound(t, Bind[ruled], request("POST", "/7?page=-1", `{}`, asJSON))
	require.ErrorAs(t, err, &e)
	require.Equal(t, "no such page", e.Detail)
	_, err = bound(t, Bind[*rule], request("POST", "/7", `null`, asJSON))
	require.NoError(t, err, "a nil pointer is not validated")
}

type upperCodec struct{ standardJSON }

func (upperCodec) Decode([]byte, any, bool) error { return NewError(418, "no") }

func TestBindCodec(t *testing.T) {
	app := New().JSON(upperCodec{}).Post("/", func(c *Context) error {
		_, err := Bind[person](c)
		return err
	})
	answers, err := app.Test(request("POST", "/", `{}`, asJSON))
	require.NoError(t, err)
	require.Equal(t, 418, answers[0].Status)
}

func TestBindWithoutRoute(t *testing.T) {
	app := New().NotFound(func(c *Context) error {
		_, err := Bind[command](c)
		require.Equal(t, 500, StatusOf(err))
		return c.Text(404, "")
	})
	answers, err := app.Test(request("GET", "/7", ""))
	require.NoError(t, err)
	require.Equal(t, 404, answers[0].Status)
}
